// slo: the worker where most requests meet their limits, this one and those that are there already.
//
// For each worker (SloWorker) it estimates whether this request's first token is in time, what its answer is worth, and what the
// others would lose by it. The highest sum wins. One that can meet its limits nowhere, or only at the cost of more than it is
// worth, waits in the router: until that changes, or it is too late anyway; then behind all that can, until a worker is
// found where it harms nobody much. Belongs to one Router, one thread; one object per stage.
#pragma once

#include <vector>

#include "route/parameters.h"
#include "route/policy.h"
#include "route/slo_worker.h"

namespace infbench::route {

class SloPolicy final : public Policy {
 public:
  explicit SloPolicy(const PolicyParameters& parameters);

  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  struct Best;
  Tokens expected_answer(const RequestView& request) const;
  Best best_of(const RequestView& request, std::span<const WorkerView> workers, Time now) const;

  PolicyParameters parameters_;
  cost::StepTime assumed_;  // where there are no coefficients
  std::vector<SloWorker> workers_;  // by id
  double share_ = 1;  // of output_max that answers have had, on average
};

}  // namespace infbench::route
