#include "report/verdict.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "report/text.h"

namespace infbench::report {
namespace {

using measure::Summary;

// good / requests of a is above that of b, exactly; both have requests.
bool better(const Summary& a, const Summary& b) { return a.good_requests * b.requests > b.good_requests * a.requests; }

bool same_limits(const Slo& a, const Slo& b) { return a.ttft == b.ttft && a.itl == b.itl; }

double percent_of(const Summary& s) { return 100 * *s.goodput_fraction(); }

std::string points_text(double points) { return points < 0.05 ? "less than 0.1 points" : fmt::format("{:.1f} points", points); }

// "A", "A and B", "A, B and C".
std::string list_of(std::span<const std::string> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  return out;
}

std::string verdict_of_one(const RunResult& run, const std::string& label) {
  const Summary& s = run.summary;
  if (s.requests == 0) return fmt::format("Verdict: {} had no requests to judge.", label);
  return fmt::format("Verdict: {} meets the limits ({}) for {:.1f} % of requests.", label, limits_text(s.slo), percent_of(s));
}

// What the verdict says of the runs that come after the best, nothing if there are none. `judged` from best to worst.
std::string rest_of_verdict(std::span<const RunResult* const> judged, std::size_t tied, const std::string& next_label) {
  if (tied == judged.size()) return ".";
  const Summary& best = judged[0]->summary;
  const Summary& next = judged[tied]->summary;
  const std::string own =
      same_limits(best.slo, next.slo) ? "" : fmt::format(" within its own limits, {}", limits_text(next.slo));
  const std::string_view rank = judged.size() > tied + 1 ? "the next best, " : "";
  return fmt::format(", {} more than {}{} ({:.1f} %{}).", points_text(percent_of(best) - percent_of(next)), rank, next_label,
                     percent_of(next), own);
}

}  // namespace

std::vector<std::string> labels_of(std::span<const RunResult> runs) {
  std::vector<std::string> labels;
  for (const RunResult& run : runs) {
    std::string& label = labels.emplace_back(printable(run.info.recipe));
    for (const auto& [key, value] : run.info.point) label += printable(fmt::format(" {}={}", key, value));
  }
  const std::vector<std::string> names = labels;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::count(names.begin(), names.end(), names[i]) == 1) continue;
    const auto before = std::count(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]);
    labels[i] += fmt::format(" #{}", before + 1);
  }
  return labels;
}

std::string limits_text(const Slo& slo) {
  return fmt::format("TTFT <= {} ms, ITL <= {} ms", shortest(to_ms(slo.ttft)), shortest(to_ms(slo.itl)));
}

std::string verdict(std::span<const RunResult> runs) {
  INFBENCH_CHECK(!runs.empty());
  const std::vector<std::string> labels = labels_of(runs);
  if (runs.size() == 1) return verdict_of_one(runs[0], labels[0]);
  std::vector<const RunResult*> judged;
  for (const RunResult& run : runs) {
    if (run.summary.requests > 0) judged.push_back(&run);
  }
  if (judged.empty()) return "Verdict: no run had requests to judge.";
  std::stable_sort(judged.begin(), judged.end(), [](auto* a, auto* b) { return better(a->summary, b->summary); });
  const Summary& best = judged[0]->summary;
  std::vector<std::string> names;
  names.reserve(judged.size());
  for (const RunResult* run : judged) names.push_back(labels[static_cast<std::size_t>(run - runs.data())]);
  std::size_t tied = 1;
  while (tied < judged.size() && !better(best, judged[tied]->summary)) ++tied;
  const bool one_set = std::all_of(judged.begin(), judged.begin() + static_cast<std::ptrdiff_t>(tied),
                                   [&](const RunResult* run) { return same_limits(run->summary.slo, best.slo); });
  const std::string limits = one_set ? fmt::format("the limits ({})", limits_text(best.slo)) : "each its own limits";
  const std::string rest = rest_of_verdict(judged, tied, tied < names.size() ? names[tied] : "");
  return fmt::format("Verdict: {}{} {} {} for {:.1f} % of requests{}", tied > 1 ? "a tie: " : "",
                     list_of(std::span(names).first(tied)), tied > 1 ? "meet" : "meets", limits, percent_of(best), rest);
}

}  // namespace infbench::report
