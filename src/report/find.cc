#include "report/find.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "measure/run_json.h"
#include "report/terminal.h"
#include "report/text.h"
#include "report/verdict.h"

namespace infbench::report {
namespace {

using measure::RunResult;

std::optional<double> per_gpu(const Found& found) {
  if (!found.requests_per_s || found.run.info.gpus == 0) return std::nullopt;
  return *found.requests_per_s / found.run.info.gpus;
}

std::vector<RunResult> runs_of(std::span<const Found> found) {
  std::vector<RunResult> runs;
  for (const Found& one : found) runs.push_back(one.run);
  return runs;
}

std::string number(std::optional<double> value, int decimals) { return value ? grouped(*value, decimals) : "-"; }
std::string short_number(std::optional<double> value) { return value ? fmt::format("{:.4g}", *value) : "-"; }

std::string figures_text(std::span<const std::optional<double>> figures) {
  std::string out;
  for (const auto& figure : figures) out += (out.empty() ? "" : ", ") + (figure ? fmt::format("{:.4g}", *figure) : "-");
  return out.empty() ? "-" : out;
}

// The one that holds the goal at the highest rate on each GPU.
std::string verdict_of(std::span<const Found> found, std::span<const std::string> labels) {
  const Found* best = nullptr;
  for (const Found& one : found) {
    if (one.speed && per_gpu(one) && (best == nullptr || *per_gpu(one) > *per_gpu(*best))) best = &one;
  }
  if (best == nullptr) return "Verdict: none holds the goal at any speed.";
  return fmt::format("Verdict: {} holds the goal at the highest rate, {:.4f} requests/s per GPU (speed {}).",
                     labels[static_cast<std::size_t>(best - found.data())], *per_gpu(*best), shortest(*best->speed));
}

void write_numbers(JsonWriter& json, std::string_view name, std::span<const std::string> goals,
                   std::span<const std::optional<double>> figures) {
  json.key(name);
  json.begin_object();
  for (std::size_t i = 0; i < figures.size(); ++i) json.member(goals[i], figures[i]);
  json.end_object();
}

}  // namespace

std::string find_report(std::span<const Found> found, std::span<const std::string> goals, bool color) {
  INFBENCH_CHECK(!found.empty());
  const std::vector<RunResult> runs = runs_of(found);
  const std::vector<std::string> labels = labels_of(runs);
  constexpr std::size_t kCell = 11;
  constexpr std::size_t kLabel = kColumns - 6 * kCell;
  std::string out = warnings_of(runs, color);
  std::string goal_text;
  for (const std::string& goal : goals) goal_text += (goal_text.empty() ? "" : ", ") + goal;
  out += fmt::format("Highest speed with {}\n", printable(goal_text));
  out += pad_right("", kLabel);
  for (const char* head : {"speed", "requests/s", "per GPU", "there", "fails at", "there"}) out += pad_left(head, kCell);
  out += '\n';
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Found& one = found[i];
    out += pad_right(cut(labels[i], kLabel - 1), kLabel) + pad_left(short_number(one.speed), kCell) +
           pad_left(number(one.requests_per_s, 3), kCell) + pad_left(number(per_gpu(one), 4), kCell) +
           pad_left(figures_text(one.figures), kCell) + pad_left(short_number(one.fails_at), kCell) +
           pad_left(figures_text(one.failed_figures), kCell) + '\n';
  }
  return out + '\n' + verdict_of(found, labels) + '\n';
}

std::string find_json(std::span<const Found> found, std::span<const std::string> goals) {
  INFBENCH_CHECK(!found.empty());
  const std::vector<RunResult> runs = runs_of(found);
  const std::vector<std::string> labels = labels_of(runs);
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("simulated", true);
  json.member("stand_in_trace", runs[0].info.stand_in_trace);
  json.member("find", "speed");
  json.key("require");
  json.begin_array();
  for (const std::string& goal : goals) json.value(goal);
  json.end_array();
  json.key("found");
  json.begin_array();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Found& one = found[i];
    json.begin_object();
    json.member("label", labels[i]);
    json.member("speed", one.speed);
    json.member("fails_at", one.fails_at);
    json.member("requests_per_s", one.requests_per_s);
    json.member("requests_per_s_per_gpu", per_gpu(one));
    write_numbers(json, "figures", goals, one.figures);
    write_numbers(json, "figures_where_it_fails", goals, one.failed_figures);
    json.member("simulations", one.runs);
    json.key("run");
    measure::write_run(json, one.run.info, one.run.summary, nullptr);
    json.end_object();
  }
  json.end_array();
  json.member("verdict", verdict_of(found, labels));
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace infbench::report
