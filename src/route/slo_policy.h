// slo: the worker where most requests meet their limits, this one and those that are there already.
//
// For each worker (SloWorker) it estimates whether this request's first token is in time, what its answer is worth, and what
// those that are there would lose by it. The highest sum wins. A request that would cost more than it is worth everywhere waits
// in the router (Hold) until that changes. One that will miss its limit wherever it goes waits behind all that need not, until
// there is a worker that it harms little and that has next to no prompts waiting, but no longer than hold_most. An idle worker
// takes anything.
//
// Seconds come from the workers' StepTime, or an assumed one where there are no coefficients; the workers' scales count. How
// long answers get is learned as a share of what they may have. Belongs to one Router, one thread; one object per stage.
#pragma once

#include <cstdint>
#include <vector>

#include "route/parameters.h"
#include "route/policy.h"
#include "route/slo_worker.h"

namespace infbench::route {

class SloPolicy final : public Policy {
 public:
  explicit SloPolicy(const PolicyParameters& parameters);

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  struct Choice;

  Tokens expected_answer(Tokens output_max) const;
  Choice choose(const RequestView& request, std::span<const WorkerView> workers, Time now) const;
  bool may_go(const RequestView& request, const Choice& choice, Time now) const;
  Hold hold(const RequestView& request, bool can, double least_prompt_s, Time now) const;
  bool surely_held(const RequestView& request, std::span<const WorkerView> workers, Time now) const;
  void learn(double share);

  PolicyParameters parameters_;
  cost::StepTime assumed_;
  std::vector<SloWorker> workers_;  // by id
  double share_ = 1;                // answers / what they might have been
  std::int64_t learned_ = 0;        // from how many, up to kLearned
};

}  // namespace infbench::route
