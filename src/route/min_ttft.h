// min_ttft: the worker with the least estimated time to first token: the prompts queued there, then what is not cached of this
// one.
//
// Seconds come from the workers' StepTime (attention over the cached prefix included, in chunks); if any candidate has none,
// prompt tokens are compared instead. Ties go to the fewest running requests, then to the lowest id. What a worker has cached
// is guessed, or what it tells (CacheGuess).
//
// At Stage::decode there is no prompt to compute: the least estimated step time with this request added, which is the least KV
// to be read; in tokens where there are no coefficients. Belongs to one Router, one thread; one object per stage.
#pragma once

#include <vector>

#include "route/cache_guess.h"
#include "route/parameters.h"
#include "route/policy.h"
#include "route/prefill_queue.h"

namespace infbench::route {

class MinTtft final : public Policy {
 public:
  explicit MinTtft(const PolicyParameters& parameters) : parameters_(parameters) {}

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  struct Worker {
    const cost::StepTime* speed = nullptr;
    CacheGuess cache;
    PrefillQueue queue;
    std::uint64_t last = 0;  // the number of the last dispatch there
  };

  Pick pick_decode(const RequestView& request, std::span<const WorkerView> workers) const;
  Duration seconds(const cost::StepTime& speed, Tokens cached, Tokens input) const;
  void come_up(Worker& worker, const WorkerSpec& spec) const;
  void dispatch(Worker& worker, const Event& event, Time now);

  PolicyParameters parameters_;
  std::vector<Worker> workers_;  // by id
  std::uint64_t dispatches_ = 0;
};

}  // namespace infbench::route
