// The table of a grid's runs: a row for each point. Pure, usable from any thread.
#pragma once

#include <span>
#include <string>

#include "measure/run.h"

namespace infbench::report {

// Whether these are runs of a grid: they have a point.
bool is_grid(std::span<const measure::RunResult> runs);

// Recipe (where there are several), the point's values, then the most telling figures, the best of each marked with '*'.
// Columns are as wide as what is in them, up to 28; where the terminal's 100 columns do not hold them all, text is cut, then
// the least telling figures are left out, and named below the table. All runs have the same keys.
std::string grid_rows(std::span<const measure::RunResult> runs, bool color);

}  // namespace infbench::report
