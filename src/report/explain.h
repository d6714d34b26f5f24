// The part of the terminal report that says why requests missed their limits. Pure, usable from any thread.
#pragma once

#include <span>
#include <string>

#include "measure/run.h"

namespace infbench::report {

// A table for each limit that was missed, a line for each run: how many requests, which parts led, and their means. Empty if no
// run was explained.
std::string explain_block(std::span<const measure::RunResult> runs, std::span<const std::string> labels);

}  // namespace infbench::report
