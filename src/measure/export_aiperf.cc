#include "measure/export_aiperf.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "measure/metric_table.h"

namespace infbench::measure {
namespace {

constexpr std::string_view kLineEnd = "\r\n";  // of CSV, by RFC 4180 and as aiperf writes

bool finite(double number) { return number - number == 0; }

void write_metrics(JsonWriter& json, std::span<const Metric> metrics, const Summary& summary) {
  for (const Metric& metric : metrics) write_metric(json, metric, summary);
}

}  // namespace

void write_input_config(JsonWriter& json, const RunInfo& info, const Summary& summary) {
  json.key("input_config");
  json.begin_object();
  json.key("models");
  json.begin_object();
  json.key("items");
  json.begin_array();
  json.begin_object();
  json.member("name", info.model);
  json.end_object();
  json.end_array();
  json.end_object();
  json.key("endpoint");
  json.begin_object();
  json.key("urls");
  json.begin_array();
  for (const std::string& url : info.urls) json.value(std::string_view(url));
  json.end_array();
  json.member("type", info.endpoint_type);
  json.member("streaming", info.streaming);
  json.end_object();
  json.key("datasets");
  json.begin_array();
  json.begin_object();
  json.member("name", "main");
  json.member("type", "file");
  json.member("path", info.trace);
  json.member("format", "mooncake_trace");
  json.member("random_seed", info.seed);
  json.end_object();
  json.end_array();
  json.key("phases");
  json.begin_array();
  json.begin_object();
  json.member("name", "profiling");
  json.member("kind", "profiling");
  json.member("type", info.phase_type);
  json.member("requests", summary.requests);
  json.end_object();
  json.end_array();
  json.key("slos");
  json.begin_object();
  json.member("time_to_first_token", to_ms(summary.slo.ttft));
  json.member("inter_token_latency", to_ms(summary.slo.itl));
  json.end_object();
  json.end_object();
}

namespace {

void write_ours(JsonWriter& json, const RunInfo& info, const Summary& summary) {
  json.key("infbench");
  json.begin_object();
  json.member("simulated", info.simulated);
  json.member("stand_in_trace", info.stand_in_trace);
  json.member("recipe", info.recipe);
  json.member("policy", info.policy);
  json.member("topology", info.topology);
  json.member("gpus", info.gpus);
  json.member("trace_sha256", info.trace_sha256);
  json.member("speed", info.speed);
  json.member("requests", summary.requests);
  json.member("good_requests", summary.good_requests);
  json.member("goodput_fraction", summary.goodput_fraction());
  json.end_object();
}

void write_errors(JsonWriter& json, const Summary& summary) {
  json.key("error_summary");
  json.begin_array();
  for (const ErrorCount& error : summary.error_counts) {
    json.begin_object();
    json.key("error_details");
    json.begin_object();
    json.member("code", error.code);
    json.member("type", error_type(error.code));
    json.member("message", error.message);
    json.end_object();
    json.member("count", error.count);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

// Without a zone, in microseconds, as aiperf writes; here always UTC.
std::string date_text(const RunInfo& info, Time time) {
  const std::chrono::sys_time<std::chrono::microseconds> at{std::chrono::microseconds{(info.epoch_ns + time.ns) / 1000}};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

namespace {

std::vector<Metric> all_in_order_of_tag() {
  std::vector<Metric> all(head_metrics().begin(), head_metrics().end());
  all.insert(all.end(), further_metrics().begin(), further_metrics().end());
  std::sort(all.begin(), all.end(), [](const Metric& a, const Metric& b) { return a.tag < b.tag; });
  return all;
}

void append_cell(std::string& out, double number) {
  out += ',';
  if (finite(number)) fmt::format_to(std::back_inserter(out), "{:.2f}", number);
}

// None of our names needs quoting.
void append_name(std::string& out, const Metric& metric) {
  out += metric.name;
  if (metric.unit_in_csv) fmt::format_to(std::back_inserter(out), " ({})", metric.unit);
}

}  // namespace

std::string aiperf_json(const RunInfo& info, const Summary& summary) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  const std::string id = benchmark_id(info, summary.slo);
  json.begin_object();
  json.member("schema_version", "1.4");
  json.member("generator", info.generator);
  json.member("benchmark_id", id);
  write_metrics(json, head_metrics(), summary);
  write_input_config(json, info, summary);
  json.key("run_info");
  json.begin_object();
  json.member("benchmark_id", id);
  json.member("random_seed", info.seed);
  json.member("trial", 0);
  if (!info.command_line.empty()) json.member("cli_command", info.command_line);
  json.end_object();
  json.member("was_cancelled", info.interrupted);
  json.member("is_complete", !info.interrupted);
  write_errors(json, summary);
  json.member("start_time", date_text(info, summary.first_scheduled));
  json.member("end_time", date_text(info, summary.last_end));
  write_metrics(json, further_metrics(), summary);
  write_ours(json, info, summary);
  json.end_object();
  out += '\n';
  return out;
}

std::string aiperf_csv(const Summary& summary) {
  const std::vector<Metric> metrics = all_in_order_of_tag();
  std::string out = "Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,std";
  out += kLineEnd;
  for (const Metric& metric : metrics) {
    if (metric.stats == nullptr || (summary.*metric.stats).empty()) continue;
    const Stats& s = summary.*metric.stats;
    append_name(out, metric);
    for (const double cell : {s.avg, s.min, s.max, s.sum, s.p1, s.p5, s.p10, s.p25, s.p50, s.p75, s.p90, s.p95, s.p99, s.std}) {
      append_cell(out, cell);
    }
    out += kLineEnd;
  }
  out += kLineEnd;
  out += "Metric,Value";
  out += kLineEnd;
  for (const Metric& metric : metrics) {
    const auto value = metric.scalar == nullptr ? std::nullopt : metric.scalar(summary);
    if (!value) continue;
    append_name(out, metric);
    append_cell(out, *value);
    out += kLineEnd;
  }
  return out;
}

}  // namespace infbench::measure
