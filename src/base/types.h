// The small words that every room shares: counts of tokens, ids, stages, roles, limits. Plain values, usable from any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/time.h"

namespace infbench {

using Tokens = std::int64_t;  // a count of tokens
using Bytes = std::int64_t;   // a count of bytes

// A request within one run. Virtual runs number requests by their row in the trace.
struct RequestId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(RequestId, RequestId) = default;
};

// A worker within one run: its place in the plan's list of workers, from 0.
struct WorkerId {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(WorkerId, WorkerId) = default;
};

// The content of one page of the prefix cache *and of everything before it*: equal hashes mean equal prompts up to there.
struct PageHash {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(PageHash, PageHash) = default;
};

// Which part of a request a worker is asked for: all of it, its prompt (and the first token), or the tokens after that.
enum class Stage : std::uint8_t { whole, prefill, decode };

// What a worker was started as.
enum class Role : std::uint8_t { aggregated, prefill, decode };

// Limits that make a request good: first token within `ttft` of its scheduled time, and a mean gap between tokens of at most
// `itl`.
struct Slo {
  Duration ttft;
  Duration itl;
};

constexpr std::string_view name_of(Role role) {
  switch (role) {
    case Role::aggregated: return "agg";
    case Role::prefill: return "prefill";
    case Role::decode: return "decode";
  }
  return "?";
}

}  // namespace infbench

template <>
struct std::hash<infbench::PageHash> {
  std::size_t operator()(infbench::PageHash page) const noexcept { return page.value; }
};
