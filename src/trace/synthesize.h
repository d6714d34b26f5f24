// Synthesises a stand-in for a published trace, for when that is not at hand: like it in arrivals, lengths and shared prefixes,
// but no row of it. The figures of `trace analyze` come out as the published ones for every seed by construction: lengths and
// bursts are even quantiles of measured tables in a shuffled order, and the prefix tree is trimmed until its counts of shared
// blocks fit. A pure function: the same options give the same trace on every machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "trace/trace.h"

namespace infbench::trace {

struct SynthesizeOptions {
  std::string like;                       // conversation | toolagent
  std::optional<std::uint32_t> requests;  // as many as the published trace; else 1 to kMostSynthesized, at the same rate
  std::uint64_t seed = 0;
  double speed = 1.0;  // above 0: the same requests in 1 / speed of the time
};
inline constexpr std::uint32_t kMostSynthesized = 10'000'000;

// Marked as a stand-in: Trace::stand_in() is `like`, also after it was written and read again.
Result<Trace> synthesize(const SynthesizeOptions& options);

}  // namespace infbench::trace
