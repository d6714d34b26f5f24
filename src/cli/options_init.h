// The command-line interface of `srtctl init`, for options.cc only. One thread.
#pragma once

#include "cli/init_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

void add_init(CLI::App& app, InitOptions& options);

}  // namespace infbench::cli
