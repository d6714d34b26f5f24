#include "live/serve_stats.h"

#include <array>

namespace infbench::live {
namespace {

// sglang's bounds, in seconds.
constexpr std::array<double, 18> kTtft{0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400};
constexpr std::array<double, 23> kItl{0.002, 0.004, 0.006, 0.008, 0.010, 0.015, 0.020, 0.025, 0.030, 0.035, 0.040, 0.060,
                                      0.080, 0.100, 0.200, 0.400, 0.600, 0.800, 1.000, 2.000, 4.000, 6.000, 8.000};
constexpr std::array<double, 22> kE2e{0.1, 0.2, 0.4, 0.6, 0.8, 1,   2,   4,   6,    8,    10,
                                      20,  40,  60,  80,  100, 200, 400, 600, 1200, 1800, 2400};

}  // namespace

ServeStats::ServeStats() : ttft_(kTtft), itl_(kItl), e2e_(kE2e) {}

void ServeStats::prompt(Tokens input, Tokens cached) {
  prompt_ += input;
  cached_ += cached;
}

void ServeStats::first_token(Duration ttft) {
  ++generated_;
  ttft_.add(ttft);
}

void ServeStats::token(Duration gap) {
  ++generated_;
  itl_.add(gap);
}

std::string ServeStats::metrics(std::string_view model, std::string_view role, const EngineGauges& engine) const {
  const std::string labels = "engine_type=\"" + std::string(role) + "\",model_name=\"" + label_value(model) + "\"";
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  std::string out;
  write_gauge(out, "sglang:num_running_reqs", "Requests in the running batch.", labels, static_cast<double>(engine.running));
  write_gauge(out, "sglang:num_queue_reqs", "Requests that have not begun.", labels, static_cast<double>(engine.waiting));
  write_gauge(out, "sglang:num_used_tokens", "KV tokens held by requests.", labels, static_cast<double>(engine.used));
  write_gauge(out, "sglang:max_total_num_tokens", "KV tokens that fit.", labels, static_cast<double>(engine.capacity));
  write_gauge(out, "sglang:token_usage", "Share of the KV memory held by requests.", labels,
              share(engine.used, engine.capacity));
  write_gauge(out, "sglang:cache_hit_rate", "Share of prompt tokens found in the prefix cache.", labels,
              share(cached_, prompt_));
  write_counter(out, "sglang:prompt_tokens_total", "Prompt tokens, cached ones included.", labels, prompt_);
  write_counter(out, "sglang:generation_tokens_total", "Tokens given out.", labels, generated_);
  write_counter(out, "sglang:cached_tokens_total", "Prompt tokens found in the prefix cache.", labels, cached_);
  write_counter(out, "sglang:num_requests_total", "Requests taken.", labels, requests_);
  write_counter(out, "sglang:num_aborted_requests_total", "Requests whose client left, or that failed.", labels, aborted_);
  if (kv_batches_ > 0)
    write_counter(out, "srtctl_serve_kv_batches_total", "Batches of KV events published.", labels, kv_batches_);
  write_family(out, "sglang:time_to_first_token_seconds", "histogram", "From the last byte of a request to its first token.");
  ttft_.write(out, "sglang:time_to_first_token_seconds", labels);
  write_family(out, "sglang:inter_token_latency_seconds", "histogram", "From one token of a request to the next.");
  itl_.write(out, "sglang:inter_token_latency_seconds", labels);
  write_family(out, "sglang:e2e_request_latency_seconds", "histogram", "From the last byte of a request to its last token.");
  e2e_.write(out, "sglang:e2e_request_latency_seconds", labels);
  return out;
}

}  // namespace infbench::live
