// The report as JSON: what `simulate --json` and `compare --json` print. Pure, usable from any thread.
#pragma once

#include <span>
#include <string>

#include "measure/run.h"
#include "report/draws.h"

namespace infbench::report {

using measure::RunResult;

// {"simulated", "stand_in_trace", "runs": [...], "differences": [...], "verdict"}, with a final newline. `runs` are objects as
// write_run() in measure/ has them, with wall_s and cpu_s. `differences` has, for every run but the first, each figure minus
// the first run's; fractions in points (1 point = 0.01); null where one of the two has no samples. At least one run.
// `draws`, if not null: a member "draws" as write_draws() has it.
std::string json_report(std::span<const RunResult> runs, const Draws* draws = nullptr);

}  // namespace infbench::report
