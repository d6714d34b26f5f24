#include "measure/live.h"

#include <fmt/format.h>

#include "measure/curves.h"

namespace infbench::measure {
namespace {

double fraction(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

}  // namespace

void add_run_figures(std::span<const RequestRecord> records, const LiveFigures& live, Summary& summary) {
  summary.inter_chunk_latency = live.inter_chunk_latency;
  summary.replay_sched_lag = live.lag_ms;
  fill_curves(records, summary);
}

std::vector<std::string> invalid_because(const Summary& summary, const LiveFigures& live, const ValidityLimits& limits) {
  std::vector<std::string> why;
  if (live.interrupted) why.push_back(fmt::format("the run was interrupted, {} requests were not sent", live.not_sent));
  if (summary.requests == 0) why.emplace_back("no request was sent");
  if (!live.lag_ms.empty() && live.lag_ms.p99 > limits.lag_p99_ms) {
    why.push_back(fmt::format("the client fell behind its schedule: lag p99 {:.1f} ms is above {:g} ms", live.lag_ms.p99,
                              limits.lag_p99_ms));
  }
  if (const double errors = fraction(summary.errors, summary.requests); errors > limits.error_fraction) {
    why.push_back(fmt::format("{} of {} requests failed ({:.1f} %), above {:g} %", summary.errors, summary.requests,
                              100 * errors, 100 * limits.error_fraction));
  }
  if (const double cut = fraction(live.truncated, summary.succeeded); cut > limits.truncated_fraction) {
    why.push_back(fmt::format("{} of {} answers were shorter than asked for ({:.1f} %), above {:g} %", live.truncated,
                              summary.succeeded, 100 * cut, 100 * limits.truncated_fraction));
  }
  return why;
}

}  // namespace infbench::measure
