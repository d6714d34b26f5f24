// Slice: a part of a trace, by time, length and number. A pure function, usable from any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "trace/trace.h"

namespace infbench::trace {

struct SliceOptions {
  std::optional<Duration> from = std::nullopt;           // from the trace's first request, inclusive
  std::optional<Duration> to = std::nullopt;             // exclusive
  std::optional<std::uint32_t> requests = std::nullopt;  // of those, the first so many
  std::optional<Tokens> input_max = std::nullopt;        // without longer prompts (the row's own input_length)
  double speed = 1.0;                                    // times and delays of the part are divided by it; finite, above 0
};

// The slice's times begin at 0 again. A later turn of a session is in only if all turns before it are, so that every prompt of
// the slice has the history it says it has. Error: nothing is left.
Result<Trace> slice(const Trace& trace, const SliceOptions& options);

}  // namespace infbench::trace
