// The command-line interface of `srtctl route`, for options.cc only. One thread.
#pragma once

#include <string>

#include "cli/route_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

void add_route(CLI::App& app, RouteOptions& options);

// What CLI11 cannot say with one option's rule: flags of sglang-router that are refused, each with the reason; empty: nothing.
std::string route_mistake(const CLI::App& route, const RouteOptions& options);

}  // namespace infbench::cli
