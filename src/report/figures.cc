#include "report/figures.h"

#include "report/text.h"

namespace infbench::report {
namespace {

using measure::RunResult;
using measure::Stats;
using measure::Summary;
using Value = std::optional<double>;

Value count(std::int64_t n) { return static_cast<double>(n); }

constexpr Figure fraction(std::string_view name, Better better, Value (*of)(const RunResult&)) {
  return {.name = name, .decimals = 1, .better = better, .is_fraction = true, .compared = true, .of = of};
}

constexpr Figure number(std::string_view name, int decimals, Better better, Value (*of)(const RunResult&)) {
  return {.name = name, .decimals = decimals, .better = better, .is_fraction = false, .compared = true, .of = of};
}

constexpr Figure kGoodput[] = {
    number("Requests", 0, Better::neither, [](const RunResult& r) { return count(r.summary.requests); }),
    number("Errors", 0, Better::lower, [](const RunResult& r) { return count(r.summary.errors); }),
    fraction("Goodput (% of requests)", Better::higher, [](const RunResult& r) { return r.summary.goodput_fraction(); }),
    number("Goodput (requests/s)", 3, Better::higher, [](const RunResult& r) { return r.summary.goodput_rps(); }),
    number("Good requests", 0, Better::higher, [](const RunResult& r) { return count(r.summary.good_requests); }),
    number("good_request_count (aiperf's)", 0, Better::higher,
           [](const RunResult& r) { return count(r.summary.good_request_count); }),
    fraction("TTFT within its limit (%)", Better::higher, [](const RunResult& r) { return r.summary.ttft_within_fraction(); }),
    fraction("ITL within its limit (%)", Better::higher, [](const RunResult& r) { return r.summary.itl_within_fraction(); }),
};

constexpr Figure kThroughput[] = {
    fraction("Prefix cache hits (% of tokens)", Better::higher, [](const RunResult& r) { return r.summary.prefix_hit_rate(); }),
    number("Output (tokens/s)", 1, Better::higher, [](const RunResult& r) { return r.summary.output_tokens_per_s(); }),
    number("Output (tokens/s per GPU)", 2, Better::higher,
           [](const RunResult& r) { return r.summary.output_tokens_per_s_per_gpu(); }),
    fraction("Peak KV use (%), fullest worker", Better::neither,
             [](const RunResult& r) { return r.summary.kv_peak_fraction(); }),
};

constexpr Figure cost(std::string_view name, Value (*of)(const RunResult&)) {
  return {.name = name, .decimals = 2, .better = Better::neither, .is_fraction = false, .compared = false, .of = of};
}

constexpr Figure kCost[] = {
    cost("Wall time on this machine (s)", [](const RunResult& r) { return Value(r.cost.wall_s); }),
    cost("CPU time on this machine (s)", [](const RunResult& r) { return Value(r.cost.cpu_s); }),
};

constexpr Latency kLatencies[] = {
    {"TTFT", &Summary::ttft_ms, 1},
    {"ITL", &Summary::itl_ms, 2},
    {"E2E latency", &Summary::e2e_latency_ms, 1},
};

constexpr LatencyFigure kLatencyFigures[] = {
    {"mean", &Stats::avg}, {"p50", &Stats::p50}, {"p90", &Stats::p90}, {"p99", &Stats::p99}, {"max", &Stats::max},
};

}  // namespace

std::span<const Figure> goodput_figures() { return kGoodput; }
std::span<const Figure> throughput_figures() { return kThroughput; }
std::span<const Figure> cost_figures() { return kCost; }
std::span<const Latency> latencies() { return kLatencies; }
std::span<const LatencyFigure> latency_figures() { return kLatencyFigures; }

std::string text_of(std::optional<double> value, const Figure& figure, std::size_t room) {
  if (!value) return "-";
  const double shown = figure.is_fraction ? 100 * *value : *value;
  std::string text = grouped(shown, figure.decimals);
  if (text.size() > room) text = grouped(shown, 0);
  if (text.size() > room) std::erase(text, ',');
  return text;
}

}  // namespace infbench::report
