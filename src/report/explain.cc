#include "report/explain.h"

#include <fmt/format.h>

#include "report/terminal.h"
#include "report/text.h"

namespace infbench::report {
namespace {

using measure::ExplainSummary;

constexpr std::size_t kCell = 10;
constexpr std::size_t kLabel = kColumns - (measure::kParts + 1) * kCell;
constexpr const char* kHeads[] = {"missed", "router", "queue", "recompute", "own pref.", "others'", "transfer", "decode"};

std::string head_line(std::string_view title) {
  std::string out = pad_right(title, kLabel);
  for (const char* head : kHeads) out += pad_left(head, kCell);
  return out + '\n';
}

std::string lines(const std::string& label, const ExplainSummary::Missed& missed) {
  std::string out =
      pad_right(cut(label, kLabel - 1), kLabel) + pad_left(grouped(static_cast<double>(missed.requests), 0), kCell);
  for (const std::int64_t count : missed.causes) out += pad_left(grouped(static_cast<double>(count), 0), kCell);
  out += '\n';
  if (missed.requests == 0) return out;
  out += pad_right("  mean (ms)", kLabel + kCell);
  for (std::size_t i = 0; i < measure::kParts; ++i) {
    const double mean_ms = to_ms(missed.parts[static_cast<measure::Part>(i)]) / static_cast<double>(missed.requests);
    out += pad_left(grouped(mean_ms, mean_ms < 100 ? 1 : 0), kCell);
  }
  return out + '\n';
}

std::string table(std::string_view title, std::span<const measure::RunResult> runs, std::span<const std::string> labels,
                  ExplainSummary::Missed ExplainSummary::*limit) {
  std::string out = '\n' + head_line(title);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].summary.explain) out += lines(labels[i], (*runs[i].summary.explain).*limit);
  }
  return out;
}

}  // namespace

std::string explain_block(std::span<const measure::RunResult> runs, std::span<const std::string> labels) {
  bool any = false;
  for (const measure::RunResult& run : runs) any = any || run.summary.explain.has_value();
  if (!any) return {};
  return table("Why TTFT was missed", runs, labels, &ExplainSummary::ttft) +
         table("Why ITL was missed", runs, labels, &ExplainSummary::itl) +
         "Requests by the leading part of their time; below, how much of each part they had.\n";
}

}  // namespace infbench::report
