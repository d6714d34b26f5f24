#include "live/gateway_health.h"

#include <algorithm>

namespace infbench::live {
namespace {

constexpr Duration kFirstAsks = milliseconds(250);
constexpr int kFirstAsksCount = 8;
constexpr Duration kSoon = seconds(1);

}  // namespace

HealthWatch::HealthWatch(const HealthSettings& settings, Time now) : settings_(settings), since_(now), next_(now) {
  if (settings_.enabled) return;
  healthy_ = ever_healthy_ = true;
  next_ = kNever;
}

bool HealthWatch::answered(bool ok, Time now) {
  asking_ = false;
  ++asks_;
  const bool was = healthy_;
  in_a_row_ = ok == healthy_ ? 0 : in_a_row_ + 1;
  const int needed = healthy_ ? settings_.failures_to_fall : ever_healthy_ ? settings_.successes_to_rise : 1;
  if (in_a_row_ >= needed) {
    healthy_ = ok;
    in_a_row_ = 0;
  }
  ever_healthy_ = ever_healthy_ || healthy_;
  Duration pause = healthy_ && in_a_row_ == 0 ? settings_.interval : kSoon;
  if (!ever_healthy_ && asks_ < kFirstAsksCount) pause = kFirstAsks;
  next_ = given_up(now) ? kNever : now + std::min(pause, settings_.interval);
  return healthy_ != was;
}

}  // namespace infbench::live
