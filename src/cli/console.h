// What all subcommands say in one way: errors on stderr, and whether stdout takes colours. One thread.
#pragma once

#include "base/exit_code.h"
#include "base/result.h"

namespace infbench::cli {

// Prints them, and gives the code to end with.
ExitCode report_errors(const Errors& errors, ExitCode code = ExitCode::bad_input);

// stdout is a terminal, and $NO_COLOR is not set.
bool wants_color();

}  // namespace infbench::cli
