// Analysis: the figures that say what kind of traffic a trace is. A pure function and values, usable from any thread.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "trace/trace.h"

namespace infbench::trace {

// Of one length over all requests, in tokens. Percentiles lie between the two nearest ranks, linearly (numpy's default).
struct LengthStats {
  double mean = 0;
  Tokens min = 0;
  double p50 = 0, p90 = 0, p99 = 0;
  Tokens max = 0;
};

// Of the rows as written: a later turn of a session counts with its new tokens and blocks, not with the history it repeats.
struct Analysis {
  std::int64_t requests = 0;
  std::int64_t later_turns = 0;  // of these, turns of a session after its first
  Duration duration;             // from the first timestamp to the last
  double rate_per_s = 0;         // requests / duration; 0 if all came at once
  LengthStats input, output;
  std::int64_t total_blocks = 0;
  std::int64_t unique_blocks = 0;  // different ids
  std::int64_t reused_blocks = 0;  // ids that occur more than once
  // What an infinite cache would hold already: (total - unique) / total blocks, and the same with each block weighted by its
  // tokens (the last block of a prompt may be partial).
  double cache_efficiency_blocks = 0;
  double cache_efficiency_tokens = 0;
  std::int64_t largest_burst = 0;  // requests with one timestamp
};

Analysis analyze(const Trace& trace);

}  // namespace infbench::trace
