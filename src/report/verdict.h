// The verdict: one sentence that says which recipe met its limits for more of the traffic, and by how many points of goodput.
// Pure, usable from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "measure/run.h"

namespace infbench::report {

using measure::RunResult;

// What to call each run: its recipe's name, of a grid with its point; where two are the same, with "#1", "#2" behind.
// Printable.
std::vector<std::string> labels_of(std::span<const RunResult> runs);

// "TTFT <= 2000 ms, ITL <= 25 ms".
std::string limits_text(const Slo& slo);

// Of one run or more; without a newline. Equal fractions of good requests, compared exactly, are a tie.
std::string verdict(std::span<const RunResult> runs);

}  // namespace infbench::report
