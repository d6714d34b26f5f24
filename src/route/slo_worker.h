// SloWorker: what the policy `slo` believes of one worker: when its prompts will be computed, how far its answers have got, and
// who of its requests will meet the limits, with and without one more.
//
// Prompts go first, one after the other (PrefillQueue); answers grow by a token per decode step while no prompt is computed, and
// a step takes what the step-time model says for the requests that are there. So one more prompt of p seconds holds up every
// answer of this worker by p, and one more answer makes every step a little longer. An answer's slack is what its limit
// leaves for such: (tokens - 1) x limit, less the time since its first token, the prompts still to be computed and its remaining
// steps. What it is worth, from 0 to 1, falls as the slack does: others will come.
//
// Owned by one policy, one thread. No allocation in estimate().
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "cost/step_time.h"
#include "route/cache_guess.h"
#include "route/policy.h"
#include "route/prefill_queue.h"

namespace infbench::route {

class SloWorker {
 public:
  // How one more request would fare here, and what it would cost the others.
  struct Estimate {
    Tokens cached = 0;
    Duration own;       // its prompt alone, unscaled
    Duration wait;      // until it begins, unscaled
    double ttft_s = 0;  // both, scaled
    double worth = 0;   // of its answer, if its first token is in time
    double harm = 0;    // worth that the others lose
    bool room = true;   // its KV fits beside that of the others
  };

  void come_up(const WorkerSpec& spec, const cost::StepTime* assumed, Tokens chunk);
  void clear();  // it went down, with all it held

  // `answer`: tokens that its answer is expected to have.
  void dispatch(const Event& event, Tokens answer, Time now);
  void computed(const Event& event);                    // its first token came
  std::int64_t end(RequestId id, Stage stage, Time at);  // how many tokens its answer had by this reckoning; 0: not known
  void forget(std::span<const PageHash> pages) { cache_.forget(pages); }

  Estimate estimate(const RequestView& request, Tokens answer, double scale, Time now) const;
  std::size_t requests() const { return jobs_.size(); }

 private:
  struct Job {
    RequestId id;
    Tokens input = 0;
    Tokens answer = 0;
    Duration prompt;      // seconds of its prompt
    Time arrived;
    Slo slo;
    Time first;           // if has_first
    double mark = 0;      // steps_ at its first token
    bool has_first = false;
    bool late = false;    // its first token was
  };

  Duration seconds(Tokens cached, Tokens input) const;
  double step_s(std::size_t requests, Tokens context) const;
  Tokens context() const;
  double steps_at(Time now) const;
  void count(Time now);

  const cost::StepTime* speed_ = nullptr;
  Tokens chunk_ = 0;
  Tokens kv_capacity_ = 0;
  CacheGuess cache_;
  PrefillQueue queue_;
  std::vector<Job> jobs_;  // in order of dispatch
  Tokens inputs_ = 0;      // of all of them
  Tokens kv_ = 0;          // set aside for prompts and answers
  double steps_ = 0;       // decode steps, at counted_
  Time counted_;
  double step_ = 0;        // seconds of one, as things are
};

}  // namespace infbench::route
