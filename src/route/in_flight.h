// InFlightList: the requests of one worker in order of dispatch, contiguous, so that a view can show them without a copy.
//
// Engines work first come, first served: what changes stands near the front, so a search from the front and an erasure that
// moves the shorter side are cheap even when thousands wait behind. Belongs to one Ledger, one thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "route/policy.h"

namespace infbench::route {

class InFlightList {
 public:
  static constexpr std::size_t kNone = SIZE_MAX;

  void push(const InFlight& request);
  std::size_t find(RequestId id) const;  // its place, or kNone
  void erase(std::size_t place);

  InFlight& at(std::size_t place) { return items_[front_ + place]; }
  // Where the worker's count of decode steps stood when this request began to decode; the Ledger's alone.
  std::int64_t& mark(std::size_t place) { return marks_[front_ + place]; }
  std::span<const InFlight> all() const { return std::span(items_).subspan(front_); }
  std::size_t size() const { return items_.size() - front_; }

 private:
  std::vector<InFlight> items_;      // from front_ on
  std::vector<std::int64_t> marks_;  // the same places
  std::size_t front_ = 0;
};

}  // namespace infbench::route
