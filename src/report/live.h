// The parts of the terminal report that only a run over HTTP has: what makes its result worthless, and how the client itself
// kept up. Pure, usable from any thread.
#pragma once

#include <string>
#include <vector>

#include "measure/run.h"

namespace infbench::report {

// A line for each reason; empty if the run is valid or was not over HTTP.
std::vector<std::string> validity_lines(const measure::RunResult& run);

// The block about the client; empty if the run was not over HTTP.
std::string live_block(const measure::RunResult& run);

}  // namespace infbench::report
