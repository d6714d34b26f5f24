// Requirement: a condition on a figure of a run, as --require has it: "goodput_fraction>=0.9", "time_to_first_token.p99<=2000".
// Values and pure functions, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "measure/run.h"

namespace infbench::cli {

struct Requirement {
  std::string text;  // as given
  std::string
      figure;  // a name of summary.json (goodput_fraction), or a metric of aiperf's, with .avg, .p50, ... for a distribution
  std::string part;  // of a distribution: "p99"; empty for a single value
  bool at_least = true;
  double limit = 0;
};

// Errors: no such figure (says which are near), no number, neither >= nor <=.
Result<Requirement> parse_requirement(const std::string& text);

// The figure that it is about; none without samples.
std::optional<double> value_of(const Requirement& requirement, const measure::RunResult& run);

// Empty if it holds; else a clause that says how it was missed. A figure without samples misses every limit.
std::string missed(const Requirement& requirement, const measure::RunResult& run);

}  // namespace infbench::cli
