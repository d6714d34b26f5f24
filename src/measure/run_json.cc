#include "measure/run_json.h"

namespace infbench::measure {
namespace {

void write_latency(JsonWriter& json, std::string_view name, const Stats& stats) {
  json.key(name);
  if (stats.empty()) {
    json.null();
    return;
  }
  json.begin_object();
  json.member("mean", stats.avg);
  json.member("p50", stats.p50);
  json.member("p90", stats.p90);
  json.member("p99", stats.p99);
  json.member("max", stats.max);
  json.end_object();
}

void write_strings(JsonWriter& json, std::string_view name, const std::vector<std::string>& strings) {
  json.key(name);
  json.begin_array();
  for (const std::string& text : strings) json.value(text);
  json.end_array();
}

void write_inputs(JsonWriter& json, const RunInfo& info, const Slo& slo) {
  json.member("simulated", info.simulated);
  json.member("stand_in_trace", info.stand_in_trace);
  json.member("recipe", info.recipe);
  json.member("recipe_path", info.recipe_path);
  write_strings(json, "overrides", info.overrides);
  if (!info.point.empty()) {
    json.key("point");
    json.begin_object();
    for (const auto& [key, value] : info.point) json.member(key, value);
    json.end_object();
  }
  json.member("policy", info.policy);
  json.member("topology", info.topology);
  json.member("model", info.model);
  json.member("gpus", info.gpus);
  json.key("trace");
  json.begin_object();
  json.member("name", info.trace);
  json.member("sha256", info.trace_sha256);
  json.member("stand_in", info.stand_in_trace);
  json.end_object();
  json.member("speed", info.speed);
  json.member("seed", info.seed);
  json.key("limits");
  json.begin_object();
  json.member("ttft_ms", to_ms(slo.ttft));
  json.member("itl_ms", to_ms(slo.itl));
  json.end_object();
}

void write_results(JsonWriter& json, const Summary& s) {
  json.member("requests", s.requests);
  json.member("errors", s.errors);
  json.member("goodput_fraction", s.goodput_fraction());
  json.member("goodput_rps", s.goodput_rps());
  json.member("good_requests", s.good_requests);
  json.member("good_request_count", s.good_request_count);
  json.member("good_request_fraction", s.good_request_fraction());
  json.member("ttft_within_fraction", s.ttft_within_fraction());
  json.member("itl_within_fraction", s.itl_within_fraction());
  write_latency(json, "ttft_ms", s.ttft_ms);
  write_latency(json, "itl_ms", s.itl_ms);
  write_latency(json, "e2e_latency_ms", s.e2e_latency_ms);
  json.member("prefix_hit_rate", s.prefix_hit_rate());
  json.member("duration_s", to_s(s.duration));
  json.member("input_tokens", s.input_tokens);
  json.member("output_tokens", s.output_tokens);
  json.member("output_tokens_per_s", s.output_tokens_per_s());
  json.member("output_tokens_per_s_per_gpu", s.output_tokens_per_s_per_gpu());
  json.member("peak_kv_fraction", s.kv_peak_fraction());
  if (s.drawn_goodput.empty()) return;
  json.key("drawn_goodput_fractions");
  json.begin_array();
  for (const double fraction : s.drawn_goodput) json.value(fraction);
  json.end_array();
}

void write_workers(JsonWriter& json, const Summary& s) {
  json.key("workers");
  json.begin_array();
  for (const WorkerLoad& load : s.workers) {
    json.begin_object();
    json.member("name", load.info.name);
    json.member("role", name_of(load.info.role));
    json.member("requests", load.requests);
    json.member("errors", load.errors);
    json.member("uncomputed_tokens", load.uncomputed_tokens);
    json.member("output_tokens", load.output_tokens);
    json.member("peak_kv_tokens", load.info.kv_peak);
    json.member("kv_capacity_tokens", load.info.kv_capacity);
    json.member("peak_kv_fraction", load.kv_peak_fraction());
    json.end_object();
  }
  json.end_array();
  json.key("load");
  json.begin_array();
  for (const RoleLoad& role : s.roles) {
    json.begin_object();
    json.member("role", name_of(role.role));
    json.member("workers", role.workers);
    json.member("requests_max_over_mean", role.requests_max_over_mean);
    json.member("uncomputed_tokens_max_over_mean", role.uncomputed_max_over_mean);
    json.end_object();
  }
  json.end_array();
}

void write_errors(JsonWriter& json, const Summary& s) {
  json.key("error_summary");
  json.begin_array();
  for (const ErrorCount& error : s.error_counts) {
    json.begin_object();
    json.member("code", error.code);
    json.member("type", error_type(error.code));
    json.member("message", error.message);
    json.member("count", error.count);
    json.end_object();
  }
  json.end_array();
}

// What only a run over HTTP has.
void write_live(JsonWriter& json, const LiveFigures& live) {
  json.key("live");
  json.begin_object();
  json.member("valid", live.not_valid.empty());
  write_strings(json, "not_valid", live.not_valid);
  json.member("interrupted", live.interrupted);
  write_latency(json, "lag_ms", live.lag_ms);
  write_latency(json, "inter_chunk_latency_ms", live.inter_chunk_latency);
  json.member("chunks", live.chunks);
  json.member("chunks_together", live.chunks_together);
  json.member("truncated_answers", live.truncated);
  json.member("token_mismatch_answers", live.token_mismatch);
  json.member("answers_not_counted_by_server", live.not_counted);
  json.member("sent_again", live.sent_again);
  json.member("not_sent", live.not_sent);
  json.member("connections", live.connections);
  json.member("client_cpu_s", live.cpu_s);
  json.member("client_cpu_fraction", live.cpu_fraction);
  json.end_object();
}

}  // namespace

void write_run(JsonWriter& json, const RunInfo& info, const Summary& summary, const HostCost* cost, const LiveFigures* live) {
  json.begin_object();
  write_inputs(json, info, summary.slo);
  write_results(json, summary);
  write_workers(json, summary);
  write_errors(json, summary);
  if (summary.explain) {
    json.key("explain");
    write_explain(json, *summary.explain);
  }
  if (live != nullptr) write_live(json, *live);
  write_strings(json, "notes", info.notes);
  if (cost != nullptr) {
    json.member("wall_s", cost->wall_s);
    json.member("cpu_s", cost->cpu_s);
  }
  json.end_object();
}

std::string summary_json(const RunInfo& info, const Summary& summary, const LiveFigures* live) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  write_run(json, info, summary, nullptr, live);
  out += '\n';
  return out;
}

std::string host_json(const HostCost& cost) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("wall_s", cost.wall_s);
  json.member("cpu_s", cost.cpu_s);
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace infbench::measure
