// The table of several runs, and the block of each worker's load. Parts of terminal_report(). Pure, usable from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "measure/run.h"

namespace infbench::report {

using measure::RunResult;

inline constexpr std::size_t kMostColumns = 6;  // runs side by side

// What heads each run's column: its label where all fit, else "A", "B", ...
std::vector<std::string> heads_of(std::span<const std::string> labels);

// Two to kMostColumns runs as columns.
std::string comparison_columns(std::span<const RunResult> runs, std::span<const std::string> heads, bool color);

// Any number of runs as rows, the most telling figures only.
std::string comparison_rows(std::span<const RunResult> runs, std::span<const std::string> labels, bool color);

// Per role the requests, uncomputed prompt tokens and peak KV of each worker, and the largest over the mean.
std::string worker_loads(const RunResult& run);

}  // namespace infbench::report
