// The command-line interface of `srtctl replay`, for options.cc only. One thread.
#pragma once

#include <string>

#include "cli/replay_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

CLI::App* add_replay(CLI::App& app, ReplayOptions& options);

// What is wrong with the options together, and arguments that no option took; one per line; empty: nothing.
std::string replay_mistake(const CLI::App& replay, const ReplayOptions& options);

}  // namespace infbench::cli
