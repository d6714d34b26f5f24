// ServeStats: what a worker has done so far, as /metrics says it: counters and histograms by sglang's names. One owner, one
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace infbench::live {

// Counts durations in buckets with fixed upper bounds, as Prometheus has them.
class DurationHistogram {
 public:
  explicit DurationHistogram(std::span<const double> bounds_s);  // rising, in seconds; must outlive this

  void add(Duration duration);
  std::int64_t count() const { return count_; }
  // Lines of the exposition format. `labels`: a="b",c="d".
  void write(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::span<const double> bounds_s_;
  std::vector<std::int64_t> bounds_ns_;
  std::vector<std::int64_t> counts_;  // one more than bounds
  std::int64_t sum_ns_ = 0;
  std::int64_t count_ = 0;
};

// What the engine says of itself at the moment of asking.
struct EngineGauges {
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  Tokens used = 0;  // KV tokens of running requests
  Tokens capacity = 0;
};

class ServeStats {
 public:
  ServeStats();

  void request() { ++requests_; }
  void aborted() { ++aborted_; }
  void prompt(Tokens input, Tokens cached);
  void first_token(Duration ttft);
  void token(Duration gap);
  void answer(Duration e2e) { e2e_.add(e2e); }

  // The whole of /metrics. `model` is the served model's name, `role` sglang's engine_type: unified, prefill, decode.
  std::string metrics(std::string_view model, std::string_view role, const EngineGauges& engine) const;

  Tokens generated() const { return generated_; }

 private:
  std::int64_t requests_ = 0;
  std::int64_t aborted_ = 0;
  Tokens prompt_ = 0;
  Tokens cached_ = 0;
  Tokens generated_ = 0;
  DurationHistogram ttft_;
  DurationHistogram itl_;
  DurationHistogram e2e_;
};

}  // namespace infbench::live
