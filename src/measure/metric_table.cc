#include "measure/metric_table.h"

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

constexpr Metric distribution(std::string_view tag, std::string_view name, std::string_view unit, Stats Summary::*stats) {
  return {.tag = tag, .name = name, .unit = unit, .unit_in_csv = true, .stats = stats, .scalar = nullptr};
}

constexpr Metric single(std::string_view tag, std::string_view name, std::string_view unit, Value (*scalar)(const Summary&)) {
  // aiperf leaves the unit of plain counts out of its CSV.
  return {.tag = tag, .name = name, .unit = unit, .unit_in_csv = unit != "requests", .stats = nullptr, .scalar = scalar};
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

// The server's own counts: what the engine model used is what it was asked for, so prompt and completion tokens repeat ISL and
// OSL.
constexpr Metric kFurther[] = {
    distribution("usage_completion_tokens", "Usage Completion Tokens", "tokens", &Summary::output_sequence_length),
    distribution("usage_prompt_tokens", "Usage Prompt Tokens", "tokens", &Summary::input_sequence_length),
    distribution("usage_prompt_cache_read_tokens", "Usage Prompt Cache Read Tokens", "tokens",
                 &Summary::usage_prompt_cache_read_tokens),
    distribution("e2e_output_token_throughput", "E2E Output Token Throughput", "tokens/sec/user",
                 &Summary::e2e_output_token_throughput),
    distribution("decode_duration", "Decode Duration", "ms", &Summary::decode_duration),
    distribution("prefill_throughput_per_user", "Prefill Throughput Per User", "tokens/sec/user",
                 &Summary::prefill_throughput_per_user),
    single("completed_request_count", "Completed Requests (Success + Error)", "requests",
           [](const Summary& s) { return Value(count(s.requests)); }),
    single("request_error_rate", "Request Error Rate", "%", [](const Summary& s) { return percent(s.errors, s.requests); }),
    single("good_request_fraction", "GoodRequestFraction", "ratio", [](const Summary& s) { return s.good_request_fraction(); }),
    single("total_usage_completion_tokens", "Total Usage Completion Tokens", "tokens",
           [](const Summary& s) { return Value(count(s.output_tokens)); }),
    single("total_usage_prompt_tokens", "Total Usage Prompt Tokens", "tokens",
           [](const Summary& s) { return Value(count(s.input_tokens)); }),
    single("total_usage_prompt_cache_read_tokens", "Total Usage Prompt Cache Read Tokens", "tokens",
           [](const Summary& s) { return Value(count(s.cached_tokens)); }),
    single("overall_usage_prompt_cache_read_pct", "Overall Usage Prompt Cache Read %", "%",
           [](const Summary& s) { return percent(s.cached_tokens, s.input_tokens); }),
    single("input_token_throughput", "Input Token Throughput", "tokens/sec",
           [](const Summary& s) { return per_second(s, s.input_tokens); }),
    single("total_token_throughput", "Total Token Throughput", "tokens/sec",
           [](const Summary& s) { return per_second(s, s.input_tokens + s.output_tokens); }),
    distribution("adj_request_latency", "Request Latency (error-adjusted)", "ms", &Summary::adj_request_latency),
    distribution("adj_time_to_first_token", "Time to First Token (error-adjusted)", "ms", &Summary::adj_time_to_first_token),
    distribution("adj_decode_duration", "Decode Duration (error-adjusted)", "ms", &Summary::adj_decode_duration),
    distribution("adj_inter_token_latency", "Inter Token Latency (error-adjusted)", "ms", &Summary::adj_inter_token_latency),
    distribution("credit_to_start_latency", "Credit-to-Start Latency", "ms", &Summary::credit_to_start_latency),
    distribution("effective_latency", "Effective Latency (CO-aware)", "ms", &Summary::effective_latency),
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

}  // namespace infbench::measure
