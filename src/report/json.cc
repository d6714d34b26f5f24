#include "report/json.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/json_writer.h"
#include "measure/run_json.h"
#include "report/verdict.h"

namespace infbench::report {
namespace {

using measure::Stats;
using measure::Summary;
using Value = std::optional<double>;

Value difference(Value a, Value b) {
  if (!a || !b) return std::nullopt;
  return *a - *b;
}

Value points(Value a, Value b) {
  if (!a || !b) return std::nullopt;
  return 100 * (*a - *b);
}

void write_latency(JsonWriter& json, std::string_view name, const Stats& a, const Stats& b) {
  json.key(name);
  if (a.empty() || b.empty()) {
    json.null();
    return;
  }
  json.begin_object();
  json.member("mean", a.avg - b.avg);
  json.member("p50", a.p50 - b.p50);
  json.member("p90", a.p90 - b.p90);
  json.member("p99", a.p99 - b.p99);
  json.member("max", a.max - b.max);
  json.end_object();
}

void write_difference(JsonWriter& json, const RunResult& run, const RunResult& first) {
  const Summary& a = run.summary;
  const Summary& b = first.summary;
  json.begin_object();
  json.member("recipe", run.info.recipe);
  json.member("against", first.info.recipe);
  json.member("requests", a.requests - b.requests);
  json.member("errors", a.errors - b.errors);
  json.member("goodput_points", points(a.goodput_fraction(), b.goodput_fraction()));
  json.member("goodput_rps", difference(a.goodput_rps(), b.goodput_rps()));
  json.member("good_requests", a.good_requests - b.good_requests);
  json.member("good_request_count", a.good_request_count - b.good_request_count);
  json.member("ttft_within_points", points(a.ttft_within_fraction(), b.ttft_within_fraction()));
  json.member("itl_within_points", points(a.itl_within_fraction(), b.itl_within_fraction()));
  write_latency(json, "ttft_ms", a.ttft_ms, b.ttft_ms);
  write_latency(json, "itl_ms", a.itl_ms, b.itl_ms);
  write_latency(json, "e2e_latency_ms", a.e2e_latency_ms, b.e2e_latency_ms);
  json.member("prefix_hit_points", points(a.prefix_hit_rate(), b.prefix_hit_rate()));
  json.member("output_tokens_per_s", difference(a.output_tokens_per_s(), b.output_tokens_per_s()));
  json.member("output_tokens_per_s_per_gpu", difference(a.output_tokens_per_s_per_gpu(), b.output_tokens_per_s_per_gpu()));
  json.member("peak_kv_points", points(a.kv_peak_fraction(), b.kv_peak_fraction()));
  json.end_object();
}

}  // namespace

std::string json_report(std::span<const RunResult> runs, const Draws* draws) {
  INFBENCH_CHECK(!runs.empty());
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("simulated", std::any_of(runs.begin(), runs.end(), [](const RunResult& r) { return r.info.simulated; }));
  json.member("stand_in_trace",
              std::any_of(runs.begin(), runs.end(), [](const RunResult& r) { return r.info.stand_in_trace; }));
  json.key("runs");
  json.begin_array();
  for (const RunResult& run : runs) measure::write_run(json, run.info, run.summary, &run.cost, run.live ? &*run.live : nullptr);
  json.end_array();
  json.key("differences");
  json.begin_array();
  for (const RunResult& run : runs.subspan(1)) write_difference(json, run, runs[0]);
  json.end_array();
  if (draws != nullptr) {
    json.key("draws");
    write_draws(json, *draws);
  }
  json.member("verdict", verdict(runs));
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace infbench::report
