// What the charts of the HTML report draw, as JSON for its script: curves, points and bins, thinned to what a screen can show.
// Pure, usable from any thread.
//
// Latency curves say what share of all requests would keep to a limit, for every limit: an error keeps none, an answer of one
// token every ITL limit. They go through the run's own limit exactly. Points are thinned only when the runs together have more
// than kMostPoints: one of those that fall on one place of a grid finer than the screen, in both charts, stays.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "report/run_folder.h"

namespace infbench::report {

inline constexpr std::size_t kMostPoints = 60'000;           // of all runs together
inline constexpr std::size_t kMostCurvePoints = 400;         // of one curve, about
inline constexpr std::size_t kMostTimelineValues = 200'000;  // of all runs together
inline constexpr std::size_t kHitBins = 60;                  // over the time of a run

// One JSON document that may stand inside of a <script>: it has no '<'.
std::string chart_data(std::span<const FolderRun> runs, std::span<const std::string> labels);

}  // namespace infbench::report
