// Profile: the measured shape of a published workload, as tables of a few dozen numbers: what synthesize.h makes stand-ins
// from. Constant data, usable from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace infbench::trace {

// A distribution by some of its percentiles, ascending from 0 to 100; linear between them.
struct Knot {
  double percent = 0;
  double value = 0;
};
using Quantiles = std::span<const Knot>;

double quantile(Quantiles quantiles, double percent);

// The `count` values that stand evenly from percentile 0 to 100, rounded to whole numbers, ascending: whatever is made of them
// has this distribution, not merely a sample of it.
std::vector<std::int64_t> even_quantiles(Quantiles quantiles, std::size_t count);

// A system prompt that starts many conversations.
struct Root {
  std::int64_t blocks = 0;
  std::uint64_t weight = 0;  // how many conversations, relative to the others
};

struct Profile {
  std::string_view name;
  std::uint32_t requests = 0;   // of the published trace
  std::uint32_t ticks = 0;      // its requests come in bursts at these, kTickMs apart
  double cache_efficiency = 0;  // (total - unique) / total blocks
  double reused_blocks = 0;     // different blocks that occur more than once, per request; 0: as it comes
  Quantiles input;              // tokens
  Quantiles output;             // tokens
  Quantiles burst;              // requests per tick
  Quantiles first_input;        // tokens of the first prompt of a conversation of two and more turns
  Quantiles growth;             // tokens by which a next prompt is longer (or, the conversation taken up elsewhere, shorter)
  Quantiles pause_s;            // from one turn of a conversation to the next
  std::span<const std::uint32_t> turns;  // [i]: how many conversations have more than i + 1 turns
  std::span<const Root> roots;
};

inline constexpr std::int64_t kTickMs = 3000;

// The profiles there are.
std::span<const Profile> profiles();

}  // namespace infbench::trace
