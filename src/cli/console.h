// What all subcommands do in one way: errors on stderr, whether stdout takes colours, the limit of open files. One thread.
#pragma once

#include <cstddef>

#include "base/exit_code.h"
#include "base/result.h"

namespace infbench::cli {

// Prints them, and gives the code to end with.
ExitCode report_errors(const Errors& errors, ExitCode code = ExitCode::bad_input);

// stdout is a terminal, and $NO_COLOR is not set.
bool wants_color();

// Lets the process open as many files as the system allows: each stream is one. Error: these are less than `needed`.
Result<void> raise_file_limit(std::size_t needed);

}  // namespace infbench::cli
