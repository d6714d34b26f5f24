// The tables and JSON of calibrate.h.
#include <fmt/format.h>

#include "base/json_writer.h"
#include "calibrate/calibrate.h"

namespace infbench::calibrate {
namespace {

constexpr const char* kRow = "| {:<9} | {:>2} | {:<6} | {:<7} | {:>5} |";

std::string cells(const cost::Key& key, std::size_t kind, int rows) {
  return fmt::format(fmt::runtime(kRow), key.gpu, key.tp, key.engine, cost::kKinds[kind], rows);
}

std::string figures(const cost::KindErrors& e) {
  return fmt::format(" {:>6.2f} | {:>5.2f} | {:>7.2f} |", e.mape, e.p95, e.worst);
}

void write_group(JsonWriter& json, const cost::Key& key, std::size_t kind, const cost::KindErrors& e) {
  json.member("system", std::string_view(key.gpu));
  json.member("tp", key.tp);
  json.member("engine", std::string_view(key.engine));
  json.member("kind", cost::kKinds[kind]);
  json.member("n", e.rows);
  json.member("mape_pct", e.mape);
  json.member("p95_pct", e.p95);
  json.member("worst_pct", e.worst);
}

template <typename Group, typename Each>
std::string groups_json(const std::vector<Group>& groups, const Each& each) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.key("groups");
  json.begin_array();
  for (const Group& group : groups) {
    for (std::size_t kind = 0; kind < kKindCount; ++kind) each(json, group, kind);
  }
  json.end_array();
  json.end_object();
  return out + "\n";
}

}  // namespace

std::string check_table(const std::vector<Checked>& groups) {
  std::string out =
      "| GPU       | TP | engine | kind    |  rows | MAPE % | p95 % | worst % |\n|---|---|---|---|---|---|---|---|\n";
  std::string notes;
  for (const Checked& group : groups) {
    for (std::size_t kind = 0; kind < kKindCount; ++kind) {
      const cost::KindErrors& e = group.errors[kind];
      if (e.rows > 0) out += cells(group.key, kind, e.rows) + figures(e) + "\n";
    }
    if (!group.note.empty()) notes += group.note + "\n";
  }
  return out + notes;
}

std::string check_json(const std::vector<Checked>& groups) {
  return groups_json(groups, [](JsonWriter& json, const Checked& group, std::size_t kind) {
    if (group.errors[kind].rows == 0) return;
    json.begin_object();
    write_group(json, group.key, kind, group.errors[kind]);
    if (!group.note.empty()) json.member("note", std::string_view(group.note));
    json.end_object();
  });
}

std::string calibrated_table(const std::vector<Calibrated>& groups) {
  std::string out =
      "| GPU       | TP | engine | kind    |  rows | fitted: MAPE % | p95 % | worst % | held out: MAPE % | p95 % | worst % |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Calibrated& group : groups) {
    const cost::Provenance& from = group.model.provenance;
    for (std::size_t kind = 0; kind < kKindCount; ++kind) {
      if (from.fitted[kind].rows == 0) continue;
      out += cells(group.model.key, kind, from.fitted[kind].rows) + figures(from.fitted[kind]);
      out += from.held_out[kind].rows > 0 ? figures(from.held_out[kind]) + "\n" : " - | - | - |\n";
    }
  }
  return out;
}

std::string calibrated_json(const std::vector<Calibrated>& groups) {
  return groups_json(groups, [](JsonWriter& json, const Calibrated& group, std::size_t kind) {
    const cost::Provenance& from = group.model.provenance;
    if (from.fitted[kind].rows == 0) return;
    json.begin_object();
    write_group(json, group.model.key, kind, from.fitted[kind]);
    json.key("held_out");
    json.begin_object();
    json.member("n", from.held_out[kind].rows);
    json.member("mape_pct", from.held_out[kind].mape);
    json.member("p95_pct", from.held_out[kind].p95);
    json.member("worst_pct", from.held_out[kind].worst);
    json.end_object();
    json.end_object();
  });
}

}  // namespace infbench::calibrate
