// The command-line interface of `srtctl submit`, for options.cc only. One thread.
#pragma once

#include "cli/submit_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

CLI::App* add_submit(CLI::App& app, SubmitOptions& options);  // all but the options that every command with a recipe has
void add_guard(CLI::App& app, GuardOptions& options);         // not in the help

}  // namespace infbench::cli
