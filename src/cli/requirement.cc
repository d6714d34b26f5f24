#include "cli/requirement.h"

#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/number.h"
#include "measure/metric_table.h"

namespace infbench::cli {
namespace {

using measure::RunResult;
using measure::Stats;
using measure::Summary;

struct OwnValue {
  std::string_view name;
  std::optional<double> (*of)(const Summary&);
};
constexpr OwnValue kOwnValues[] = {
    {"goodput_fraction", [](const Summary& s) { return s.goodput_fraction(); }},
    {"goodput_rps", [](const Summary& s) { return s.goodput_rps(); }},
    {"ttft_within_fraction", [](const Summary& s) { return s.ttft_within_fraction(); }},
    {"itl_within_fraction", [](const Summary& s) { return s.itl_within_fraction(); }},
    {"prefix_hit_rate", [](const Summary& s) { return s.prefix_hit_rate(); }},
    {"output_tokens_per_s", [](const Summary& s) { return s.output_tokens_per_s(); }},
};

struct OwnStats {
  std::string_view name;
  Stats Summary::*stats;
};
constexpr OwnStats kOwnStats[] = {
    {"scheduled_time_to_first_token", &Summary::ttft_ms},
    {"ttft_ms", &Summary::ttft_ms},
    {"itl_ms", &Summary::itl_ms},
    {"e2e_latency_ms", &Summary::e2e_latency_ms},
};

const Stats Summary::*const kNoStats = nullptr;

// Where a figure is: one of the three.
struct Found {
  std::optional<double> (*value)(const Summary&) = nullptr;
  const Stats Summary::*stats = kNoStats;
  bool lag = false;
};

std::optional<Found> find(std::string_view name) {
  for (const OwnValue& own : kOwnValues) {
    if (own.name == name) return Found{.value = own.of};
  }
  for (const OwnStats& own : kOwnStats) {
    if (own.name == name) return Found{.stats = own.stats};
  }
  if (name == "lag_ms") return Found{.lag = true};
  for (const auto& metrics : {measure::head_metrics(), measure::further_metrics()}) {
    for (const measure::Metric& metric : metrics) {
      if (metric.tag == name) return Found{.value = metric.scalar, .stats = metric.stats};
    }
  }
  return std::nullopt;
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> all = {"lag_ms"};
  for (const OwnValue& own : kOwnValues) all.push_back(own.name);
  for (const OwnStats& own : kOwnStats) all.push_back(own.name);
  for (const auto& metrics : {measure::head_metrics(), measure::further_metrics()}) {
    for (const measure::Metric& metric : metrics) all.push_back(metric.tag);
  }
  return all;
}

std::optional<double> part_of(const Stats& stats, std::string_view part) {
  if (stats.empty()) return std::nullopt;
  for (const measure::Figure& figure : measure::figures()) {
    if (figure.name == part) return stats.*figure.value;
  }
  return std::nullopt;
}

bool is_part(std::string_view part) {
  for (const measure::Figure& figure : measure::figures()) {
    if (figure.name == part) return true;
  }
  return false;
}

}  // namespace

std::optional<double> value_of(const Requirement& r, const RunResult& run) {
  const Found found = *find(r.figure);
  if (found.lag) return run.live ? part_of(run.live->lag_ms, r.part) : std::nullopt;
  if (found.stats != kNoStats) return part_of(run.summary.*found.stats, r.part);
  return found.value(run.summary);
}

Result<Requirement> parse_requirement(const std::string& text) {
  const auto wrong = [&text](std::string_view what, std::string hint = {}) {
    return fail(fmt::format("expected FIGURE>=NUMBER or FIGURE<=NUMBER for --require, found '{}'{}", text, what),
                std::move(hint));
  };
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string::npos || at + 1 >= text.size() || text[at + 1] != '=') return wrong("");
  Requirement r{.text = text, .figure = text.substr(0, at), .part = {}, .at_least = text[at] == '>'};
  const auto limit = number_in<double>(std::string_view(text).substr(at + 2));
  if (!limit || !std::isfinite(*limit)) return wrong(" (no number)");
  r.limit = *limit;
  if (const std::size_t dot = r.figure.find('.'); dot != std::string::npos) {
    r.part = r.figure.substr(dot + 1);
    r.figure.resize(dot);
  }
  const auto found = find(r.figure);
  if (!found) return wrong(": there is no such figure", did_you_mean(r.figure, names()));
  const bool distribution = found->lag || found->stats != kNoStats;
  if (distribution && !is_part(r.part)) return wrong(": a distribution needs .avg, .p50, .p99, .max or the like");
  if (!distribution && !r.part.empty()) return wrong(": it is a single value");
  return r;
}

std::string missed(const Requirement& requirement, const RunResult& run) {
  const std::optional<double> value = value_of(requirement, run);
  if (!value) return fmt::format("{} was required, but it has no samples", requirement.text);
  const bool holds = requirement.at_least ? *value >= requirement.limit : *value <= requirement.limit;
  return holds ? "" : fmt::format("{} was required, it is {:.6g}", requirement.text, *value);
}

}  // namespace infbench::cli
