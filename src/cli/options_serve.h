// The command-line interface of `srtctl serve`, for options.cc only. One thread.
#pragma once

#include "cli/serve_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

void add_serve(CLI::App& app, ServeOptions& options);

// After parsing: arguments that no option took.
void take_unknown(const CLI::App& serve, ServeOptions& options);

}  // namespace infbench::cli
