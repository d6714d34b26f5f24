#include "measure/metric_table.h"

#include "base/check.h"

namespace infbench::measure {
namespace {

using Value = std::optional<double>;

double count(std::int64_t n) { return static_cast<double>(n); }

// aiperf's rates are over its own duration and have no value when that is 0.
Value per_second(const Summary& s, std::int64_t n) {
  if (s.benchmark_duration.ns <= 0) return std::nullopt;
  return count(n) / to_s(s.benchmark_duration);
}

Value percent(std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return std::nullopt;
  return 100 * count(part) / count(whole);
}

bool finite(double number) { return number - number == 0; }

// The server's counts of all answers that succeeded. None when it told none.
Value sum_of(const Summary& s, const Stats& counts) {
  if (!counts.empty()) return counts.sum;
  return s.succeeded == 0 ? Value(0) : std::nullopt;
}

constexpr double kDegradedLagMs = 500;  // aiperf's limit

Value lag(const Summary& s, double Stats::*figure) {
  if (s.replay_sched_lag.empty()) return std::nullopt;
  return s.replay_sched_lag.*figure;
}

// aiperf leaves the unit of plain counts out of its CSV.
constexpr bool is_plain_count(std::string_view unit) { return unit == "requests" || unit == "count"; }

constexpr Metric distribution(std::string_view tag, std::string_view name, std::string_view unit, Stats Summary::*stats) {
  return {.tag = tag, .name = name, .unit = unit, .unit_in_csv = !is_plain_count(unit), .stats = stats, .scalar = nullptr};
}

constexpr Metric curve(std::string_view tag, std::string_view name, std::string_view unit, Stats Summary::*stats) {
  Metric metric = distribution(tag, name, unit, stats);
  metric.has_count = false;
  return metric;
}

constexpr Metric single(std::string_view tag, std::string_view name, std::string_view unit, Value (*scalar)(const Summary&)) {
  return {.tag = tag, .name = name, .unit = unit, .unit_in_csv = !is_plain_count(unit), .stats = nullptr, .scalar = scalar};
}

constexpr Metric kHead[] = {
    single("request_throughput", "Request Throughput", "requests/sec",
           [](const Summary& s) { return per_second(s, s.succeeded); }),
    distribution("request_latency", "Request Latency", "ms", &Summary::request_latency),
    single("request_count", "Request Count", "requests", [](const Summary& s) { return Value(count(s.succeeded)); }),
    distribution("time_to_first_token", "Time to First Token", "ms", &Summary::time_to_first_token),
    distribution("time_to_second_token", "Time to Second Token", "ms", &Summary::time_to_second_token),
    distribution("inter_token_latency", "Inter Token Latency", "ms", &Summary::inter_token_latency),
    single("output_token_throughput", "Output Token Throughput", "tokens/sec",
           [](const Summary& s) { return per_second(s, s.output_tokens); }),
    distribution("output_token_throughput_per_user", "Output Token Throughput Per User", "tokens/sec/user",
                 &Summary::output_token_throughput_per_user),
    distribution("output_sequence_length", "Output Sequence Length", "tokens", &Summary::output_sequence_length),
    distribution("input_sequence_length", "Input Sequence Length", "tokens", &Summary::input_sequence_length),
    single("goodput", "Goodput", "requests/sec", [](const Summary& s) { return per_second(s, s.good_request_count); }),
    single("good_request_count", "Good Request Count", "requests",
           [](const Summary& s) { return Value(count(s.good_request_count)); }),
    distribution("output_token_count", "Output Token Count", "tokens", &Summary::output_sequence_length),
    distribution("inter_chunk_latency", "Inter Chunk Latency", "ms", &Summary::inter_chunk_latency),
    single("total_output_tokens", "Total Output Tokens", "tokens",
           [](const Summary& s) { return Value(count(s.output_tokens)); }),
    single("benchmark_duration", "Benchmark Duration", "sec",
           [](const Summary& s) { return s.succeeded > 0 ? Value(to_s(s.benchmark_duration)) : std::nullopt; }),
    single("total_isl", "Total Input Sequence Length", "tokens", [](const Summary& s) { return Value(count(s.input_tokens)); }),
    single("total_osl", "Total Output Sequence Length", "tokens",
           [](const Summary& s) { return Value(count(s.output_tokens)); }),
    single("error_request_count", "Error Request Count", "requests", [](const Summary& s) { return Value(count(s.errors)); }),
    distribution("error_isl", "Error Input Sequence Length", "tokens", &Summary::error_isl),
    single("total_error_isl", "Total Error Input Sequence Length", "tokens",
           [](const Summary& s) { return s.errors > 0 ? Value(count(s.error_input_tokens)) : std::nullopt; }),
};

constexpr Metric kFurther[] = {
    distribution("http_req_connection_reused", "HTTP Connection Reused", "ratio", &Summary::http_req_connection_reused),
    distribution("http_req_blocked", "HTTP Blocked", "ms", &Summary::http_req_blocked),
    distribution("http_req_chunks_sent", "HTTP Chunks Sent", "count", &Summary::http_req_chunks_sent),
    distribution("time_to_first_output_token", "Time to First Output Token", "ms", &Summary::time_to_first_output_token),
    distribution("http_req_receiving", "HTTP Receiving", "ms", &Summary::http_req_receiving),
    distribution("http_req_chunks_received", "HTTP Chunks Received", "count", &Summary::http_req_chunks_received),
    distribution("http_req_connecting", "HTTP Connecting", "ms", &Summary::http_req_connecting),
    distribution("http_req_waiting", "HTTP Waiting (TTFB)", "ms", &Summary::http_req_waiting),
    distribution("http_req_sending", "HTTP Sending", "ms", &Summary::http_req_sending),
    distribution("usage_total_tokens", "Usage Total Tokens", "tokens", &Summary::usage_total_tokens),
    distribution("http_req_data_sent", "HTTP Data Sent", "KB", &Summary::http_req_data_sent),
    distribution("http_req_data_received", "HTTP Data Received", "KB", &Summary::http_req_data_received),
    distribution("usage_completion_tokens", "Usage Completion Tokens", "tokens", &Summary::usage_completion_tokens),
    distribution("usage_prompt_tokens", "Usage Prompt Tokens", "tokens", &Summary::usage_prompt_tokens),
    distribution("usage_prompt_cache_read_tokens", "Usage Prompt Cache Read Tokens", "tokens",
                 &Summary::usage_prompt_cache_read_tokens),
    distribution("http_req_duration", "HTTP Duration (excl. conn)", "ms", &Summary::http_req_duration),
    distribution("e2e_output_token_throughput", "E2E Output Token Throughput", "tokens/sec/user",
                 &Summary::e2e_output_token_throughput),
    distribution("decode_duration", "Decode Duration", "ms", &Summary::decode_duration),
    distribution("osl_mismatch_diff_pct", "OSL Mismatch Diff %", "%", &Summary::osl_mismatch_diff_pct),
    distribution("http_req_connection_overhead", "HTTP Connection Overhead", "ms", &Summary::http_req_connection_overhead),
    distribution("http_req_total", "HTTP Total Time", "ms", &Summary::http_req_total),
    distribution("usage_completion_tokens_diff_pct", "Usage Completion Diff %", "%",
                 &Summary::usage_completion_tokens_diff_pct),
    distribution("prefill_throughput_per_user", "Prefill Throughput Per User", "tokens/sec/user",
                 &Summary::prefill_throughput_per_user),
    distribution("usage_prompt_tokens_diff_pct", "Usage Prompt Diff %", "%", &Summary::usage_prompt_tokens_diff_pct),
    single(
        "osl_mismatch_count", "OSL Mismatch Count", "requests",
        [](const Summary& s) { return s.osl_mismatch_diff_pct.empty() ? std::nullopt : Value(count(s.osl_mismatch_count)); }),
    single("usage_discrepancy_count", "Usage Discrepancy Count", "requests",
           [](const Summary& s) {
             return s.usage_prompt_tokens_diff_pct.empty() ? std::nullopt : Value(count(s.usage_discrepancy_count));
           }),
    single("completed_request_count", "Completed Requests (Success + Error)", "requests",
           [](const Summary& s) { return Value(count(s.requests)); }),
    single("request_error_rate", "Request Error Rate", "%", [](const Summary& s) { return percent(s.errors, s.requests); }),
    single("total_usage_total_tokens", "Total Usage Total Tokens", "tokens",
           [](const Summary& s) { return s.usage_total_tokens.empty() ? std::nullopt : Value(s.usage_total_tokens.sum); }),
    single("good_request_fraction", "GoodRequestFraction", "ratio", [](const Summary& s) { return s.good_request_fraction(); }),
    single("total_usage_completion_tokens", "Total Usage Completion Tokens", "tokens",
           [](const Summary& s) { return sum_of(s, s.usage_completion_tokens); }),
    single("total_usage_prompt_tokens", "Total Usage Prompt Tokens", "tokens",
           [](const Summary& s) { return sum_of(s, s.usage_prompt_tokens); }),
    single("total_usage_prompt_cache_read_tokens", "Total Usage Prompt Cache Read Tokens", "tokens",
           [](const Summary& s) { return sum_of(s, s.usage_prompt_cache_read_tokens); }),
    single("overall_usage_prompt_cache_read_pct", "Overall Usage Prompt Cache Read %", "%",
           [](const Summary& s) {
             if (s.usage_prompt_cache_read_tokens.empty() || !(s.usage_prompt_tokens.sum > 0)) return Value();
             return Value(100 * s.usage_prompt_cache_read_tokens.sum / s.usage_prompt_tokens.sum);
           }),
    single("input_token_throughput", "Input Token Throughput", "tokens/sec",
           [](const Summary& s) { return per_second(s, s.input_tokens); }),
    single("total_token_throughput", "Total Token Throughput", "tokens/sec",
           [](const Summary& s) { return per_second(s, s.input_tokens + s.output_tokens); }),
    distribution("adj_request_latency", "Request Latency (error-adjusted)", "ms", &Summary::adj_request_latency),
    distribution("adj_time_to_first_token", "Time to First Token (error-adjusted)", "ms", &Summary::adj_time_to_first_token),
    distribution("adj_decode_duration", "Decode Duration (error-adjusted)", "ms", &Summary::adj_decode_duration),
    distribution("adj_inter_token_latency", "Inter Token Latency (error-adjusted)", "ms", &Summary::adj_inter_token_latency),
    curve("effective_concurrency", "Effective Concurrency", "requests", &Summary::effective_concurrency),
    curve("effective_decode_throughput", "Effective Decode Throughput", "tokens/sec", &Summary::effective_decode_throughput),
    curve("effective_prefill_throughput", "Effective Prefill Throughput", "tokens/sec", &Summary::effective_prefill_throughput),
    curve("effective_decode_concurrency", "Effective Decode Concurrency", "requests", &Summary::effective_decode_concurrency),
    curve("effective_prefill_concurrency", "Effective Prefill Concurrency", "requests",
          &Summary::effective_prefill_concurrency),
    curve("effective_total_throughput", "Effective Total Throughput", "tokens/sec", &Summary::effective_total_throughput),
    curve("effective_decode_throughput_per_user", "Effective Decode Throughput Per User", "tokens/sec/user",
          &Summary::effective_decode_throughput_per_user),
    curve("effective_prefill_throughput_per_user", "Effective Prefill Throughput Per User", "tokens/sec/user",
          &Summary::effective_prefill_throughput_per_user),
    curve("tokens_in_flight", "Tokens In Flight", "tokens", &Summary::tokens_in_flight),
    curve("active_decode_throughput", "Active Decode Throughput", "tokens/sec", &Summary::active_decode_throughput),
    curve("active_prefill_throughput", "Active Prefill Throughput", "tokens/sec", &Summary::active_prefill_throughput),
    curve("active_decode_throughput_per_user", "Active Decode Throughput Per User", "tokens/sec/user",
          &Summary::active_decode_throughput_per_user),
    curve("active_prefill_throughput_per_user", "Active Prefill Throughput Per User", "tokens/sec/user",
          &Summary::active_prefill_throughput_per_user),
    curve("active_total_throughput", "Active Total Throughput", "tokens/sec", &Summary::active_total_throughput),
    distribution("credit_to_start_latency", "Credit-to-Start Latency", "ms", &Summary::credit_to_start_latency),
    distribution("effective_latency", "Effective Latency (CO-aware)", "ms", &Summary::effective_latency),
    // aiperf's names; its own lag is told against its least late request, ours against the schedule.
    single("replay_sched_lag_p50", "Replay Schedule Lag p50", "ms", [](const Summary& s) { return lag(s, &Stats::p50); }),
    single("replay_sched_lag_p90", "Replay Schedule Lag p90", "ms", [](const Summary& s) { return lag(s, &Stats::p90); }),
    single("replay_sched_lag_p99", "Replay Schedule Lag p99", "ms", [](const Summary& s) { return lag(s, &Stats::p99); }),
    single("replay_sched_degraded", "Replay Schedule Degraded", "count",
           [](const Summary& s) {
             const Value p99 = lag(s, &Stats::p99);
             return p99 ? Value(*p99 > kDegradedLagMs ? 1 : 0) : p99;
           }),
};

constexpr Figure kFigures[] = {
    {"avg", &Stats::avg}, {"p1", &Stats::p1},   {"p5", &Stats::p5},   {"p10", &Stats::p10}, {"p25", &Stats::p25},
    {"p50", &Stats::p50}, {"p75", &Stats::p75}, {"p90", &Stats::p90}, {"p95", &Stats::p95}, {"p99", &Stats::p99},
    {"min", &Stats::min}, {"max", &Stats::max}, {"std", &Stats::std},
};

}  // namespace

std::span<const Metric> head_metrics() { return kHead; }
std::span<const Metric> further_metrics() { return kFurther; }
std::span<const Figure> figures() { return kFigures; }

const Metric& metric_of(Stats Summary::*stats) {
  for (const auto& metrics : {head_metrics(), further_metrics()}) {
    for (const Metric& metric : metrics) {
      if (metric.stats == stats) return metric;
    }
  }
  INFBENCH_CHECK(false);
}

void write_metric(JsonWriter& json, const Metric& metric, const Summary& summary) {
  const Value value = metric.stats == nullptr ? metric.scalar(summary) : std::nullopt;
  if (metric.stats == nullptr ? !value : (summary.*metric.stats).empty()) return;
  json.key(metric.tag);
  json.begin_object();
  json.member("unit", metric.unit);
  if (value) json.member("avg", *value);
  if (metric.stats != nullptr) {
    const Stats& stats = summary.*metric.stats;
    for (const Figure& figure : figures()) {
      if (finite(stats.*figure.value)) json.member(figure.name, stats.*figure.value);
    }
    if (metric.has_count) json.member("count", stats.count);
    if (finite(stats.sum)) json.member("sum", stats.sum);
  }
  json.end_object();
}

}  // namespace infbench::measure
