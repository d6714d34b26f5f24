// Curves over time of what was going on at once: requests, prompts and answers in work, tokens per second, tokens held. Their
// figures are weighted by time, over the run from the first send to the last end of those that succeeded. Names and formulas
// are aiperf's. Pure functions, usable from any thread.
//
// A prompt is in work from the send to the first token, evenly; an answer from the first token to the last. With the gaps
// between chunks each gap carries the same share of the tokens after the first; without them the answer's whole time does.
// effective_*: over the whole run, where nothing is in work a rate is 0. active_*: only over the time when something was.
#pragma once

#include <span>

#include "measure/record.h"
#include "measure/summary.h"

namespace infbench::measure {

// Fills effective_*, active_* and tokens_in_flight. Takes about 50 bytes for each gap of the run while it works (and half a
// second for a million), so whoever collects records should keep no more gaps than kMostGaps; answers without are even.
inline constexpr std::size_t kMostGaps = 8'000'000;
void fill_curves(std::span<const RequestRecord> records, Summary& summary);

}  // namespace infbench::measure
