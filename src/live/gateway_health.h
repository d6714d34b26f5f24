// HealthWatch: whether one worker is healthy, from the answers to its health checks. No clock, no socket: it says when to ask
// next, its owner asks. One owner, one thread.
//
// A worker starts unhealthy and is asked every quarter of a second at first, then every second, until it has answered once;
// from then on every `interval`, and every second while it is failing or recovering, so that a change is noticed soon.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "live/gateway_settings.h"

namespace infbench::live {

class HealthWatch {
 public:
  HealthWatch(const HealthSettings& settings, Time now);

  bool healthy() const { return healthy_; }
  bool ever_healthy() const { return ever_healthy_; }
  bool given_up(Time now) const { return !ever_healthy_ && now - since_ >= settings_.startup_timeout; }

  // When to ask; kNever while an answer is awaited, or if health is not checked at all.
  Time next() const { return asking_ ? kNever : next_; }
  void asked() { asking_ = true; }
  // True when the worker's health has changed by it.
  bool answered(bool ok, Time now);

 private:
  HealthSettings settings_;
  Time since_;
  Time next_;
  int asks_ = 0;
  int in_a_row_ = 0;  // answers that speak against the present state
  bool asking_ = false;
  bool healthy_ = false;
  bool ever_healthy_ = false;
};

}  // namespace infbench::live
