// The command-line interface of `srtctl route`, for options.cc and tests only. One thread.
#pragma once

#include "cli/route_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

void add_route(CLI::App& app, RouteOptions& options);

// The names of the flags that it takes, without dashes, in order; not those that it refuses.
std::vector<std::string> route_flags();

}  // namespace infbench::cli
