// The report of a search: for each run the highest speed at which it still holds a goal. Pure, usable from any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "measure/run.h"

namespace infbench::report {

struct Found {
  measure::RunResult run;                      // at the speed found; if none was, at the slowest tried
  std::optional<double> speed;                 // none: it holds at no speed
  std::optional<double> fails_at;              // the lowest speed tried above it that fails; none: it holds at every speed
  std::optional<double> requests_per_s;        // offered at that speed
  int runs = 0;                                // that the search took
  std::vector<std::optional<double>> figures;  // of the goals, at `speed`
  std::vector<std::optional<double>> failed_figures;  // at `fails_at`
};

// `goals`: as given, "goodput_fraction>=0.9".
std::string find_report(std::span<const Found> found, std::span<const std::string> goals, bool color);
std::string find_json(std::span<const Found> found, std::span<const std::string> goals);

}  // namespace infbench::report
