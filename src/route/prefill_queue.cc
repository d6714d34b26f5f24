#include "route/prefill_queue.h"

#include <algorithm>

namespace infbench::route {

void PrefillQueue::push(RequestId id, Duration seconds, Time now, bool seen) {
  busy_until_ = now + wait(now) + seconds;
  if (!seen) {
    unseen_until_ = busy_until_;
    return;
  }
  sum_ += seconds;
  prompts_.push_back({.id = id, .seconds = seconds});
}

void PrefillQueue::computed(RequestId id, Time at) {
  Duration seconds;
  if (!take(id, seconds)) return;
  const Duration least = std::max(sum_ - step_, Duration{});
  busy_until_ = std::clamp(busy_until_, at + least, at + sum_);
}

void PrefillQueue::drop(RequestId id) {
  Duration seconds;
  if (take(id, seconds)) busy_until_ = busy_until_ - seconds;
}

void PrefillQueue::clear() {
  prompts_.clear();
  sum_ = {};
  busy_until_ = unseen_until_ = {};
}

Duration PrefillQueue::wait(Time now) const {
  if (prompts_.empty()) return std::max(unseen_until_ - now, Duration{});
  const Duration behind_head = sum_ - prompts_.front().seconds - step_;
  return std::max({busy_until_ - now, behind_head, Duration{}});
}

// Engines work first come, first served: what is looked for is at or near the front.
bool PrefillQueue::take(RequestId id, Duration& seconds) {
  const auto found = std::find_if(prompts_.begin(), prompts_.end(), [&](const Prompt& each) { return each.id == id; });
  if (found == prompts_.end()) return false;
  seconds = found->seconds;
  sum_ -= seconds;
  prompts_.erase(found);
  return true;
}

}  // namespace infbench::route
