// SloWorker: what the policy `slo` believes of one worker: when its prompts will be computed, how far its answers have got, and
// who of its requests will meet the limits, with and without one more.
//
// Prompts go first, one after the other (PrefillQueue); answers grow by a token per decode step while no prompt is computed,
// and a step takes what the step-time model says for the requests that are there. So one more prompt of p seconds holds up
// every answer of this worker by p, and one more answer makes every step a little longer. An answer's slack is what its limit
// leaves for such: (tokens - 1) x limit, less the time since its first token, the prompts still to be computed, and its
// remaining steps. Its worth, from 0 to 1, is slack / (slack + kStallPerSecond x remaining seconds + kStall): others will come.
// A request whose first token is late is worth nothing.
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
    Duration own;      // its prompt alone, by the step times
    Duration wait;     // until that begins
    double own_s = 0;  // the same, with the worker's scale
    double wait_s = 0;
    double worth = 0;  // of its answer, if its first token is in time
    double harm = 0;   // worth that the others lose
    bool room = true;  // its KV fits beside theirs
  };

  // `assumed`: the step times of a worker that has none; outlives this.
  void come_up(const WorkerSpec& spec, const cost::StepTime& assumed, Tokens chunk);
  void clear();  // it went down, with all it held

  // `answer`: tokens that its answer is expected to have, > 0.
  void dispatch(const Event& event, Tokens answer, Time now);
  void computed(const Event& event);  // its first token came
  // It is over. The tokens of its answer by this reckoning, in shares of the most it could have had; 0: not known.
  double end(RequestId id, Time at);
  void take(const Event& event) { cache_.take(event); }  // kv_*

  Estimate estimate(const RequestView& request, Tokens answer, double scale, Time now) const;
  bool idle() const { return jobs_.empty(); }
  double wait_s(double scale, Time now) const { return to_s(queue_.wait(now)) * scale; }  // until a prompt sent now can begin

 private:
  struct Job {
    RequestId id;
    Tokens input = 0;
    Tokens answer = 0;  // expected
    Tokens most = 0;    // that it may have
    Duration prompt;    // seconds of its prompt
    Time arrived;
    Slo slo;
    bool has_first = false;
    bool late = false;  // its first token was
    Time first;
    double mark = 0;  // steps_ at its first token
  };
  // The batch with and without one more, seconds of a step.
  struct Steps {
    double now = 0;
    double with_it = 0;
  };

  std::vector<Job>::iterator find(RequestId id);
  Duration seconds(Tokens cached, Tokens input) const;
  double step_s(std::size_t requests, Tokens context) const;
  Tokens answered(double steps) const;
  void begin(Job& job);
  double steps_at(Time now) const;
  void count(Time now);
  void set_step();
  double harm_to(const Job& job, const Estimate& newcomer, double ahead_s, double steps, const Steps& step, Time now) const;

  const cost::StepTime* speed_ = nullptr;
  Tokens chunk_ = 0;
  Tokens kv_capacity_ = 0;
  CacheGuess cache_;
  PrefillQueue queue_;
  std::vector<Job> jobs_;  // in order of dispatch
  Tokens inputs_ = 0;      // of all of them
  Tokens kv_ = 0;          // for their prompts and answers
  // Of those that have their first token: how many, their prompts, the sum of their marks.
  std::size_t running_ = 0;
  Tokens running_inputs_ = 0;
  double marks_ = 0;
  // The decode clock: steps since the worker came up, at counted_, and the seconds of one as things are.
  double steps_ = 0;
  Time counted_;
  double step_ = 0;
};

}  // namespace infbench::route
