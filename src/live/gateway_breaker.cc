#include "live/gateway_breaker.h"

namespace infbench::live {

void CircuitBreaker::become(State state) {
  ++counts_.transitions[static_cast<std::size_t>(state_)][static_cast<std::size_t>(state)];
  state_ = state;
}

void CircuitBreaker::open(Time now) {
  become(State::open);
  opened_ = now;
  successes_ = 0;
  probing_ = false;
}

bool CircuitBreaker::succeeded(bool probe) {
  ++counts_.successes;
  if (state_ == State::closed) failures_ = 0;
  return probe && probe_answers();
}

bool CircuitBreaker::probe_answers() {
  if (state_ != State::half_open) return false;
  probing_ = false;
  if (++successes_ >= settings_.successes_to_close) become(State::closed);
  return true;
}

bool CircuitBreaker::failed(bool probe, Time now) {
  const bool before = passes();
  ++counts_.failures;
  if (state_ == State::half_open) {
    if (probe) open(now);  // no change: the probe kept others out
  } else if (state_ == State::closed && settings_.enabled) {
    if (failures_ == 0 || now - first_failure_ > settings_.window) {
      failures_ = 0;
      first_failure_ = now;
    }
    if (++failures_ >= settings_.failures_to_open) open(now);
  }
  return passes() != before;
}

bool CircuitBreaker::dispatched() {
  if (state_ != State::half_open || probing_) return false;
  probing_ = true;
  return true;
}

bool CircuitBreaker::given_up(bool probe) {
  if (state_ != State::half_open || !probe) return false;
  probing_ = false;
  return true;
}

bool CircuitBreaker::advance(Time now) {
  if (state_ != State::open || now < next()) return false;
  become(State::half_open);
  failures_ = 0;
  probing_ = false;
  return true;
}

}  // namespace infbench::live
