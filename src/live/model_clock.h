// ModelClock: how the engine's time and real time belong together. A value, usable from any thread.
//
// The engine's clock begins at `start` and runs `scale` times as fast as the real one. Instant: the engine's clock is not bound
// to the real one at all; whatever is due is done at once.
#pragma once

#include "base/time.h"

namespace infbench::live {

struct ModelClock {
  Time start;  // a real moment (net::steady_now)
  double scale = 1.0;
  bool instant = false;

  Time to_model(Time real) const {
    const std::int64_t elapsed = (real - start).ns;
    return {scale == 1.0 ? elapsed : static_cast<std::int64_t>(static_cast<double>(elapsed) * scale)};
  }
  // Rounded up, so that what is due then is due in the engine's time too.
  Time to_real(Time model) const {
    if (scale == 1.0) return start + Duration{model.ns};
    return start + Duration{static_cast<std::int64_t>(static_cast<double>(model.ns) / scale) + 1};
  }
};

}  // namespace infbench::live
