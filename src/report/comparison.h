// The table of several runs, and the block of each worker's load. Parts of terminal_report(). Pure, usable from any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "measure/run.h"
#include "report/figures.h"

namespace infbench::report {

using measure::RunResult;

inline constexpr std::size_t kMostColumns = 6;  // runs side by side

// What heads each run's column: its label where all fit, else "A", "B", ...
std::vector<std::string> heads_of(std::span<const std::string> labels);

// Which values of a row are the best: none when all are equal or only one has a value.
std::vector<bool> best_of(std::span<const std::optional<double>> values, Better better);

// The second of two values minus the first, signed: "+7.1 pt"; empty where that says nothing.
std::string difference_text(std::span<const std::optional<double>> values, const Figure& figure);

// Two to kMostColumns runs as columns.
std::string comparison_columns(std::span<const RunResult> runs, std::span<const std::string> heads, bool color);

// Any number of runs as rows, the most telling figures only.
std::string comparison_rows(std::span<const RunResult> runs, std::span<const std::string> labels, bool color);

// Per role the requests, uncomputed prompt tokens and peak KV of each worker, and the largest over the mean.
std::string worker_loads(const RunResult& run);

}  // namespace infbench::report
