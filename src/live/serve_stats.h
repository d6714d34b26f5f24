// ServeStats: what a worker has done so far, as /metrics says it: counters and histograms by sglang's names. One owner, one
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/types.h"
#include "live/prometheus_text.h"

namespace infbench::live {

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
  void kv_batch() { ++kv_batches_; }
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
  std::int64_t kv_batches_ = 0;
  Tokens prompt_ = 0;
  Tokens cached_ = 0;
  Tokens generated_ = 0;
  DurationHistogram ttft_;
  DurationHistogram itl_;
  DurationHistogram e2e_;
};

}  // namespace infbench::live
