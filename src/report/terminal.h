// The report for people: one run, or several side by side, on at most 100 columns (only the verdict, the last line, may be
// longer). Pure: whether there are colours is the caller's to decide (a terminal, no NO_COLOR). Usable from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "measure/run.h"
#include "report/draws.h"

namespace infbench::report {

using measure::RunResult;

inline constexpr std::size_t kColumns = 100;

// One run: its figures. Two to six: a column each, the best of each row marked with '*' (green with `color`), for two also the
// second minus the first. More, or a grid: a row each. The first line says that the figures are simulated, before it one that
// the trace is a stand-in, where they are. The last line is the verdict. At least one run. `draws`: of the same runs, may be
// null.
std::string terminal_report(std::span<const RunResult> runs, bool color, const Draws* draws = nullptr);

// What no reader may overlook: stand-in, simulated, not valid.
std::string warnings_of(std::span<const RunResult> runs, bool color);

}  // namespace infbench::report
