// ModelClock: how the engine's time and real time belong together. A value, usable from any thread.
//
// The engine's clock begins at `start` and runs `scale` times as fast as the real one. Instant: the engine's clock is not bound
// to the real one at all; whatever is due is done at once.
//
// The engine's time ends after 292 years of its own: at kScaleMax after 106 days of real ones. It is exact to the nanosecond
// where the scale is 1, else to 1 part in 2^53.
#pragma once

#include "base/time.h"

namespace infbench::live {

struct ModelClock {
  static constexpr double kScaleMax = 1000;

  Time start;  // a real moment (net::steady_now)
  double scale = 1.0;
  bool instant = false;

  Time to_model(Time real) const {
    const std::int64_t elapsed = (real - start).ns;
    return {scale == 1.0 ? elapsed : static_cast<std::int64_t>(static_cast<double>(elapsed) * scale)};
  }
  // Rounded up, so that what is due then is due in the engine's time too; also after weeks, when a double of that many
  // nanoseconds is no longer exact.
  Time to_real(Time model) const {
    if (scale == 1.0) return start + Duration{model.ns};
    const Time real = start + Duration{static_cast<std::int64_t>(static_cast<double>(model.ns) / scale) + 1};
    return to_model(real) >= model ? real : real + Duration{1};
  }
};

}  // namespace infbench::live
