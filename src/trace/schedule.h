// Schedule: when each request of a trace is to be sent, as data. Values and a pure function, usable from any thread.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "trace/trace.h"

namespace infbench::trace {

// A Send is due at max(at, end(after) + delay); a due send waits for a slot (in_flight_max), and that moment is its scheduled
// time.
struct Send {
  RequestIndex request;
  Time at;
  std::optional<RequestIndex> after;
  Duration delay;
};

struct Schedule {
  std::vector<Send> sends;  // in order of `at`
  std::optional<int> in_flight_max;
};

// Every request of the trace, its times and delays divided by `speed` (finite and above 0; the caller has checked it) and
// rounded to whole nanoseconds. The same bits on every machine.
Schedule schedule_of(const Trace& trace, double speed);

// Such a time or delay; also what synthesise divides timestamps with.
Duration divided(Duration duration, double speed);

}  // namespace infbench::trace
