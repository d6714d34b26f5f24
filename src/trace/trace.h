// Trace: what traffic there was, as data: when each request came, how long its prompt and answer are, which blocks of the prompt are
// shared with others. Rows are in order of time; times start at 0. Block ids of all rows lie in one arena.
//
// A value; immutable once read, so any number of threads may read it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace infbench::trace {

inline constexpr Tokens kBlockTokens = 512;  // of the Mooncake traces

// A request's place in its Trace, from 0.
struct RequestIndex {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(RequestIndex, RequestIndex) = default;
};

// A Send is due at max(at, end(after) + delay); a due send waits for a slot (in_flight_max), and that moment is its scheduled time.
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

// THE TRACE ROOM'S OWNER completes this header; simulate/ and measure/ need of it:
//   trace.size(); trace.request(RequestIndex) -> { Time at; Tokens input, output; std::span<const std::uint64_t> blocks; ... }
//   Schedule schedule_of(const Trace&, double speed);   // `at` divided by speed
//   void pages_of(const Trace&, RequestIndex, Tokens page_tokens, std::vector<PageHash>& out);
//     // full pages of prompt + answer: floor((input + output) / page_tokens) of them

}  // namespace infbench::trace
