// Policies that look at nothing but who is there. Each belongs to one Router, one thread.
#pragma once

#include <cstdint>

#include "route/policy.h"

namespace infbench::route {

// round_robin: the next worker in order of id after the one chosen last, over those that can be had.
class RoundRobin final : public Policy {
 public:
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  std::uint64_t next_ = 0;  // the lowest id whose turn it is
};

// random: each worker with the same chance, one draw per request.
class RandomChoice final : public Policy {
 public:
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
};

}  // namespace infbench::route
