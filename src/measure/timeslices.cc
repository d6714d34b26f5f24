#include "measure/timeslices.h"

#include <map>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "measure/export_aiperf.h"
#include "measure/metric_table.h"

namespace infbench::measure {
namespace {

bool finite(double number) { return number - number == 0; }

template <typename Visit>
void for_each_metric(Visit visit) {
  for (const auto& metrics : {head_metrics(), further_metrics()}) {
    for (const Metric& metric : metrics) visit(metric);
  }
}

}  // namespace

std::vector<Timeslice> timeslices(std::span<const RequestRecord> records, const Summary& whole, Duration length) {
  INFBENCH_CHECK(length.ns > 0);
  std::map<std::int64_t, std::vector<RequestRecord>> windows;
  for (const RequestRecord& record : records) {
    windows[(record.scheduled - whole.first_scheduled).ns / length.ns].push_back(record);
  }
  std::vector<WorkerInfo> workers;
  for (const WorkerLoad& load : whole.workers) workers.push_back(load.info);
  std::vector<Timeslice> slices;
  for (const auto& [index, of_window] : windows) {
    const Time start = whole.first_scheduled + length * index;
    slices.push_back({.start = start, .end = start + length, .summary = summarize(of_window, whole.slo, workers, whole.gpus)});
  }
  return slices;
}

std::string timeslices_json(const RunInfo& info, const Summary& whole, std::span<const Timeslice> slices) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.key("timeslices");
  json.begin_array();
  for (const Timeslice& slice : slices) {
    json.begin_object();
    json.member("start_ns", info.epoch_ns + slice.start.ns);
    json.member("end_ns", info.epoch_ns + slice.end.ns);
    for_each_metric([&](const Metric& metric) { write_metric(json, metric, slice.summary); });
    json.end_object();
  }
  json.end_array();
  write_input_config(json, info, whole);
  json.end_object();
  out += '\n';
  return out;
}

std::string timeslices_csv(const RunInfo& info, std::span<const Timeslice> slices) {
  std::string out = "Timeslice,Start_NS,End_NS,Metric,Unit,Stat,Value\r\n";
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const Timeslice& slice = slices[i];
    const auto row = [&](const Metric& metric, std::string_view stat, double value) {
      if (!finite(value)) return;
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{:.2f}\r\n", i, info.epoch_ns + slice.start.ns,
                     info.epoch_ns + slice.end.ns, metric.name, metric.unit, stat, value);
    };
    for_each_metric([&](const Metric& metric) {
      if (metric.stats == nullptr) {
        if (const auto value = metric.scalar(slice.summary)) row(metric, "avg", *value);
        return;
      }
      const Stats& stats = slice.summary.*metric.stats;
      if (stats.empty()) return;
      for (const Figure& figure : figures()) row(metric, figure.name, stats.*figure.value);
    });
  }
  return out;
}

}  // namespace infbench::measure
