#include "calibrate/measured.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <tuple>

#include "base/json_writer.h"
#include "calibrate/csv.h"
#include "calibrate/errors.h"
#include "simulate/closed_loop.h"

namespace infbench::calibrate {
namespace {

constexpr std::int64_t kMostTokens = 10'000'000;
constexpr std::int64_t kMostConcurrency = 65'536;
constexpr std::int64_t kMostRequests = 10'000'000;

using Group = std::tuple<std::string, int, std::string>;

Group group_of(const cost::Key& key) { return {key.gpu, key.tp, key.engine}; }

double percent_off(double estimate, double measured) { return 100 * std::abs(estimate / measured - 1); }

void write_errors(JsonWriter& json, const std::string& name, const cost::KindErrors& errors) {
  json.member(name + "_mape_pct", errors.mape);
  json.member(name + "_p95_pct", errors.p95);
  json.member(name + "_worst_pct", errors.worst);
}

}  // namespace

Result<std::vector<MeasuredRow>> read_measured_rows(const std::string& path, const std::string& model,
                                                    const std::string& precision, const std::string& gpu) {
  auto csv = Csv::read(path, {"backend", "tp_size", "isl", "osl", "batch_size", "silicon_ttft_ms", "silicon_tpot_ms"});
  if (!csv) return fail(std::move(csv.error()));
  std::vector<MeasuredRow> rows;
  for (std::size_t i = 0; i < csv->rows(); ++i) {
    const auto whole = [&](const char* column, std::int64_t most) { return csv->integer(i, column, 1, most).value_or(1); };
    MeasuredRow row;
    row.key = {.model = model,
               .precision = precision,
               .gpu = csv->text(i, "system").empty() ? gpu : std::string(csv->text(i, "system")),
               .tp = static_cast<int>(whole("tp_size", 1024)),
               .engine = std::string(csv->text(i, "backend"))};
    if (row.key.engine.empty()) csv->note(i, "backend", "expected 'backend' to be a name, found nothing");
    row.version = csv->text(i, "backend_version");
    row.input = whole("isl", kMostTokens);
    row.output = whole("osl", kMostTokens);
    row.concurrency = static_cast<int>(whole("batch_size", kMostConcurrency));
    row.requests = csv->has("requests") ? whole("requests", kMostRequests) : kRequestsPerSlot * row.concurrency;
    row.ttft_ms = csv->number_above_0(i, "silicon_ttft_ms").value_or(1);
    row.tpot_ms = csv->number_above_0(i, "silicon_tpot_ms").value_or(1);
    row.line = csv->line(i);
    rows.push_back(std::move(row));
  }
  if (Errors errors = csv->take_errors(); !errors.empty()) return fail(std::move(errors));
  if (rows.empty())
    return fail(Error{.what = "expected measured rows, found none", .hint = {}, .file = path, .source_line = {}});
  return rows;
}

Result<MeasuredCheck> check_measured(const std::vector<MeasuredRow>& rows, const std::string& data_dir) {
  struct Seen {
    Result<cost::Model> model;
    std::vector<double> ttft, tpot;
  };
  std::map<Group, Seen> groups;
  MeasuredCheck check;
  Errors errors;
  const auto note = [&](const Errors& more) { errors.insert(errors.end(), more.begin(), more.end()); };
  for (const MeasuredRow& row : rows) {
    const auto [at, first] = groups.try_emplace(group_of(row.key), Seen{cost::load(data_dir, row.key), {}, {}});
    Seen& seen = at->second;
    if (!seen.model && first) note(seen.model.error());
    if (!seen.model) continue;
    const auto figures = simulate::run_closed_loop(
        {.input = row.input, .output = row.output, .concurrency = row.concurrency, .requests = row.requests}, *seen.model,
        row.version);
    if (!figures) note(figures.error());
    if (!figures) continue;
    seen.ttft.push_back(percent_off(figures->ttft_ms, row.ttft_ms));
    seen.tpot.push_back(percent_off(figures->tpot_ms, row.tpot_ms));
    check.rows.push_back({.measured = row, .ttft_ms = figures->ttft_ms, .tpot_ms = figures->tpot_ms});
  }
  if (!errors.empty()) return fail(std::move(errors));
  for (const auto& [group, seen] : groups) {
    check.groups.push_back({.key = seen.model->key,
                            .ttft = summarise(seen.ttft),
                            .tpot = summarise(seen.tpot),
                            .note = cost::estimate_note(*seen.model)});
  }
  return check;
}

std::string measured_table(const MeasuredCheck& check) {
  std::string out =
      "| GPU       | TP | engine |  rows | TTFT: MAPE % | p95 % | worst % | TPOT: MAPE % | p95 % | worst % |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n";
  for (const MeasuredGroup& group : check.groups) {
    const auto figures = [](const cost::KindErrors& e) {
      return fmt::format(" {:>12.2f} | {:>5.2f} | {:>7.2f} |", e.mape, e.p95, e.worst);
    };
    out += fmt::format("| {:<9} | {:>2} | {:<6} | {:>5} |{}{}\n", group.key.gpu, group.key.tp, group.key.engine,
                       group.ttft.rows, figures(group.ttft), figures(group.tpot));
  }
  for (const MeasuredGroup& group : check.groups) {
    if (!group.note.empty()) out += group.note + "\n";
  }
  return out;
}

std::string measured_json(const MeasuredCheck& check) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.key("groups");
  json.begin_array();
  for (const MeasuredGroup& group : check.groups) {
    json.begin_object();
    json.member("system", std::string_view(group.key.gpu));
    json.member("tp", group.key.tp);
    json.member("engine", std::string_view(group.key.engine));
    json.member("kind", "closed_loop");
    json.member("n", group.ttft.rows);
    write_errors(json, "ttft", group.ttft);
    write_errors(json, "tpot", group.tpot);
    if (!group.note.empty()) json.member("note", std::string_view(group.note));
    json.end_object();
  }
  json.end_array();
  json.key("rows");
  json.begin_array();
  for (const SimulatedRow& row : check.rows) {
    json.begin_object();
    json.member("line", row.measured.line);
    json.member("engine", std::string_view(row.measured.key.engine));
    json.member("tp", row.measured.key.tp);
    json.member("isl", row.measured.input);
    json.member("osl", row.measured.output);
    json.member("concurrency", row.measured.concurrency);
    json.member("requests", row.measured.requests);
    json.member("measured_ttft_ms", row.measured.ttft_ms);
    json.member("simulated_ttft_ms", row.ttft_ms);
    json.member("measured_tpot_ms", row.measured.tpot_ms);
    json.member("simulated_tpot_ms", row.tpot_ms);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return out + "\n";
}

}  // namespace infbench::calibrate
