#include "trace/schedule.h"

#include "base/check.h"

namespace infbench::trace {

Duration divided(Duration duration, double speed) {
  if (speed == 1.0) return duration;
  const double ns = static_cast<double>(duration.ns) / speed + 0.5;
  return {ns < 9.2e18 ? static_cast<std::int64_t>(ns) : kNever.ns - 1};
}

Schedule schedule_of(const Trace& trace, double speed) {
  INFBENCH_CHECK(speed > 0);
  Schedule schedule;
  schedule.sends.reserve(trace.size());
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    const Request request = trace.request({i});
    schedule.sends.push_back({.request = {i},
                              .at = Time{} + divided(request.at - Time{}, speed),
                              .after = request.previous,
                              .delay = divided(request.delay, speed)});
  }
  return schedule;
}

}  // namespace infbench::trace
