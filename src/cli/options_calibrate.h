// The command line of `srtctl calibrate`, for options.cc only. One thread.
#pragma once

#include <string>

#include "cli/calibrate_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

void add_calibrate(CLI::App& app, CalibrateOptions& options);

// What CLI11 cannot say with one option's rule; empty: nothing is wrong.
std::string calibrate_mistake(const CalibrateOptions& options);

}  // namespace infbench::cli
