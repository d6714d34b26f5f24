// The command-line interface of `srtctl route`, for options.cc only. One thread.
#pragma once

#include "cli/route_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

void add_route(CLI::App& app, RouteOptions& options);

}  // namespace infbench::cli
