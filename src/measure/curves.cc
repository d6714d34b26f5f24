#include "measure/curves.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace infbench::measure {
namespace {

// A figure that changes in steps: each holds from its moment to that of the next, before the first it is 0.
class Curve {
 public:
  void reserve(std::size_t steps) { steps_.reserve(steps); }
  void change(Time at, double by) { steps_.push_back({at, by}); }
  void add(Time from, Time to, double height) {
    change(from, height);
    change(to, -height);
  }
  // After the last change: sorts them and adds them up. What is left of a sum that should be 0 is made 0.
  void finish() {
    std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.at < b.at; });
    double value = 0;
    double largest = 0;
    std::size_t kept = 0;
    for (const Step& step : steps_) {
      value += step.value;
      if (kept > 0 && steps_[kept - 1].at == step.at) {
        steps_[kept - 1].value = value;
      } else {
        steps_[kept++] = {step.at, value};
      }
      largest = std::max(largest, std::abs(value));
    }
    steps_.resize(kept);
    constexpr double kNothing = 1e-9;  // of the largest: aiperf's
    for (Step& step : steps_) step.value = std::abs(step.value) < kNothing * largest ? 0 : step.value;
  }

  struct Step {
    Time at;
    double value = 0;
  };
  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

struct Piece {
  double value = 0;
  double ns = 0;
};

struct Window {
  Time start;
  Time end;
};

// visit(ns, a, b) for each piece of the window in which both curves stay as they are.
template <typename Visit>
void walk(const Curve& a, const Curve& b, const Window& window, const Visit& visit) {
  auto next_a = a.steps().begin();
  auto next_b = b.steps().begin();
  double value_a = 0;
  double value_b = 0;
  Time at = window.start;
  while (at < window.end) {
    while (next_a != a.steps().end() && next_a->at <= at) value_a = (next_a++)->value;
    while (next_b != b.steps().end() && next_b->at <= at) value_b = (next_b++)->value;
    Time until = window.end;
    if (next_a != a.steps().end()) until = std::min(until, next_a->at);
    if (next_b != b.steps().end()) until = std::min(until, next_b->at);
    visit(static_cast<double>((until - at).ns), value_a, value_b);
    at = until;
  }
}

// A percentile is the smallest value at or below which the curve was for at least that part of the time.
Stats weighted(std::vector<Piece>& pieces) {
  Stats stats;
  double ns = 0;
  double area = 0;
  for (const Piece& piece : pieces) {
    ns += piece.ns;
    area += piece.value * piece.ns;
  }
  if (ns <= 0) return stats;
  stats.count = static_cast<std::int64_t>(pieces.size());
  stats.avg = area / ns;
  double squares = 0;
  for (const Piece& piece : pieces) squares += piece.ns * (piece.value - stats.avg) * (piece.value - stats.avg);
  stats.std = std::sqrt(squares / ns);
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.value < b.value; });
  stats.min = pieces.front().value;
  stats.max = pieces.back().value;
  auto piece = pieces.begin();
  double upto = piece->ns;
  for (const auto& [part, figure] :
       {std::pair{0.50, &Stats::p50}, {0.90, &Stats::p90}, {0.95, &Stats::p95}, {0.99, &Stats::p99}}) {
    while (upto < part * ns && piece + 1 != pieces.end()) upto += (++piece)->ns;
    stats.*figure = piece->value;
  }
  return stats;
}

// The figures of a curve, `scale` times, and of the same over only the time in which `users` is above 0; each also divided by
// `users`. A target that is null is not wanted.
struct Targets {
  Stats Summary::*effective = nullptr;
  Stats Summary::*active = nullptr;
  Stats Summary::*effective_per_user = nullptr;
  Stats Summary::*active_per_user = nullptr;
};

void measure_curve(const Curve& curve, const Curve& users, const Window& window, double scale, const Targets& targets,
                   Summary& s) {
  std::vector<Piece> pieces;
  const auto fill = [&](Stats Summary::*target, bool only_active, bool per_user) {
    if (target == nullptr) return;
    pieces.clear();
    walk(curve, users, window, [&](double ns, double value, double of_users) {
      if (only_active && of_users <= 0) return;
      if (per_user) value = of_users > 0 ? value / of_users : 0;
      pieces.push_back({value * scale, ns});
    });
    s.*target = weighted(pieces);
  };
  fill(targets.effective, false, false);
  fill(targets.active, true, false);
  fill(targets.effective_per_user, false, true);
  fill(targets.active_per_user, true, true);
}

const std::vector<std::int64_t>* gaps_of(const RequestRecord& r) {
  return r.http != nullptr && !r.http->gaps_ns.empty() ? &r.http->gaps_ns : nullptr;
}

// Tokens per nanosecond while an answer comes.
void add_decode(const RequestRecord& r, const std::vector<std::int64_t>* gaps, Curve& decode) {
  const double tokens = static_cast<double>(r.output - 1);
  if (gaps == nullptr) {
    const Duration time = decode_duration(r);
    if (time.ns > 0) decode.add(*r.first_token, *r.end, tokens / static_cast<double>(time.ns));
    return;
  }
  // Chunks that came together have no gap that could carry a rate.
  const auto carrying = std::count_if(gaps->begin(), gaps->end(), [](std::int64_t gap) { return gap > 0; });
  Time at = *r.first_token;
  double before = 0;
  for (const std::int64_t gap : *gaps) {
    if (gap <= 0) continue;
    const double rate = tokens / static_cast<double>(carrying) / static_cast<double>(gap);
    decode.change(at, rate - before);
    before = rate;
    at = at + Duration{gap};
  }
  if (carrying > 0) decode.change(at, -before);
}

// Tokens in the server's memory: the prompt from the send on, the answer's as they come, none after the end.
void add_held(const RequestRecord& r, bool any_gaps, Curve& held) {
  const auto input = static_cast<double>(r.input);
  const auto output = static_cast<double>(r.output);
  held.add(r.sent, *r.end, input);
  const auto* gaps = gaps_of(r);
  if (gaps == nullptr) {
    // aiperf: where gaps are known, an answer of one chunk is not held.
    if (!any_gaps || r.output > 1) held.add(*r.first_token, *r.end, output);
    return;
  }
  const double each = (output - 1) / static_cast<double>(gaps->size());
  Time at = *r.first_token;
  held.change(at, 1);
  for (const std::int64_t gap : *gaps) {
    at = std::min(at + Duration{gap}, *r.end);
    held.change(at, each);
  }
  held.change(*r.end, -output);
}

template <typename Add>
Curve curve_of(std::span<const RequestRecord> records, std::size_t steps, const Add& add) {
  Curve curve;
  curve.reserve(steps);
  for (const RequestRecord& r : records) {
    if (succeeded(r)) add(r, curve);
  }
  curve.finish();
  return curve;
}

// Tokens per nanosecond while a prompt is in work.
void add_prefill(const RequestRecord& r, Curve& prefill) {
  const Duration time = *r.first_token - r.sent;
  if (time.ns > 0) prefill.add(r.sent, *r.first_token, static_cast<double>(r.input) / static_cast<double>(time.ns));
}

}  // namespace

void fill_curves(std::span<const RequestRecord> records, Summary& s) {
  constexpr double kPerSecond = 1e9;
  const Window window{s.first_sent, s.first_sent + s.benchmark_duration};
  std::size_t gaps = 0;
  for (const RequestRecord& r : records) gaps += r.http != nullptr && succeeded(r) ? r.http->gaps_ns.size() : 0;
  const std::size_t few = 2 * records.size();
  const std::size_t many = few + gaps;
  const Curve requests = curve_of(records, few, [](const auto& r, Curve& c) { c.add(r.sent, *r.end, 1); });
  const Curve prompts = curve_of(records, few, [](const auto& r, Curve& c) { c.add(r.sent, *r.first_token, 1); });
  const Curve answers = curve_of(records, few, [](const auto& r, Curve& c) { c.add(*r.first_token, *r.end, 1); });
  measure_curve(requests, requests, window, 1, {.effective = &Summary::effective_concurrency}, s);
  measure_curve(prompts, prompts, window, 1, {.effective = &Summary::effective_prefill_concurrency}, s);
  measure_curve(answers, answers, window, 1, {.effective = &Summary::effective_decode_concurrency}, s);
  measure_curve(curve_of(records, few, add_prefill), prompts, window, kPerSecond,
                {.effective = &Summary::effective_prefill_throughput,
                 .active = &Summary::active_prefill_throughput,
                 .effective_per_user = &Summary::effective_prefill_throughput_per_user,
                 .active_per_user = &Summary::active_prefill_throughput_per_user},
                s);
  measure_curve(curve_of(records, many, [](const auto& r, Curve& c) { add_decode(r, gaps_of(r), c); }), answers, window,
                kPerSecond,
                {.effective = &Summary::effective_decode_throughput,
                 .active = &Summary::active_decode_throughput,
                 .effective_per_user = &Summary::effective_decode_throughput_per_user,
                 .active_per_user = &Summary::active_decode_throughput_per_user},
                s);
  // aiperf takes the answers of the total as even.
  const auto add_both = [](const RequestRecord& r, Curve& c) {
    add_prefill(r, c);
    add_decode(r, nullptr, c);
  };
  measure_curve(curve_of(records, 2 * few, add_both), requests, window, kPerSecond,
                {.effective = &Summary::effective_total_throughput, .active = &Summary::active_total_throughput}, s);
  measure_curve(curve_of(records, many + few, [&](const auto& r, Curve& c) { add_held(r, gaps > 0, c); }), requests, window, 1,
                {.effective = &Summary::tokens_in_flight}, s);
}

}  // namespace infbench::measure
