// CircuitBreaker: keeps requests from a worker that fails one after the other. No clock: every call gets `now`.
//
// Closed: all pass. Open after `failures_to_open` failures without a success in between, the first of them at most `window`
// ago: none passes. After `open_for`, half open: one request at a time is let through to see, the probe; `successes_to_close`
// probes in a row close it, one that fails opens it again. A probe has told what it can when its answer begins: a stream may
// last for minutes. How requests end that were sent before it opened tells nothing. One owner, one thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"
#include "live/gateway_settings.h"

namespace infbench::live {

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  // Since the beginning, for metrics.
  struct Counts {
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    std::array<std::array<std::uint64_t, 3>, 3> transitions{};  // [from][to]
  };

  explicit CircuitBreaker(const BreakerSettings& settings) : settings_(settings) {}

  // A request goes to the worker; true: it is the probe.
  bool dispatched();
  // How a request ended. Each returns true when it has changed whether requests pass.
  bool succeeded(bool probe);
  bool probe_answers();  // its answer has begun; from here on it is no probe any more
  bool failed(bool probe, Time now);
  bool given_up(bool probe);  // without telling anything, as when its client left
  bool advance(Time now);     // time goes by

  bool passes() const { return state_ == State::closed || (state_ == State::half_open && !probing_); }
  State state() const { return state_; }
  int failures() const { return failures_; }
  int successes() const { return successes_; }
  const Counts& counts() const { return counts_; }
  Time next() const { return state_ == State::open ? opened_ + settings_.open_for : kNever; }

 private:
  void open(Time now);
  void become(State state);

  BreakerSettings settings_;
  Counts counts_;
  State state_ = State::closed;
  int failures_ = 0;
  int successes_ = 0;
  bool probing_ = false;
  Time first_failure_;
  Time opened_;
};

}  // namespace infbench::live
