// Conversations: who continues whose prompt in a synthesised trace, how long each prompt is, and how much of it was there
// before. Values and pure functions (synthesize.h is the door); any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "trace/profile.h"
#include "trace/trace.h"

namespace infbench::trace {

struct SynthesizedTurn {
  Tokens input = 0;
  std::int64_t shared = 0;  // leading blocks taken from the turn before; of a first turn: from the root
};

struct Conversation {
  std::size_t root = 0;  // in Profile::roots
  std::vector<SynthesizedTurn> turns;
};

// `requests` turns in all. Together their inputs are the even quantiles of the profile's, and (but for a few requests only) the
// blocks that they share are as many as the profile says.
std::vector<Conversation> synthesize_conversations(const Profile& profile, std::uint32_t requests, Random& random);

// Blocks found in the trace before, over all turns; and different blocks that are used more than once.
struct SharedBlocks {
  std::int64_t hits = 0;
  std::int64_t reused = 0;
};
SharedBlocks shared_blocks(const Profile& profile, const std::vector<Conversation>& conversations);

template <typename T>
void shuffle(std::vector<T>& values, Random& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace infbench::trace
