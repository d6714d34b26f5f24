// Explanation: where the time of one request went, part by part, and what that says of a run: why requests missed their limits.
//
// Filled by a driver that sees the engine's steps (virtual time). Each request has two sums of parts, to its first token and
// from there to its last; each adds up to its latency to the nanosecond. Values and pure functions, usable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/time.h"
#include "base/types.h"
#include "measure/record.h"

namespace infbench::measure {

enum class Part : std::uint8_t {
  router_wait,     // held by the router
  queue,           // at the worker (of a pair: both), before its prompt is begun
  recompute,       // its own prompt, as far as this worker once had the KV and has evicted it, or after a retraction
  own_prefill,     // the rest of its own prompt
  others_prefill,  // prompts of others in the same batch, or between its own steps
  kv_transfer,     // from the end of its prompt until the decode worker has all KV
  decode_batch     // decode steps of its batch, and waiting for the end of one
};
inline constexpr std::size_t kParts = 7;
std::string_view name_of(Part part);  // "router_wait"

class TimeParts {
 public:
  Duration operator[](Part part) const { return parts_[static_cast<std::size_t>(part)]; }
  Duration& operator[](Part part) { return parts_[static_cast<std::size_t>(part)]; }
  Duration total() const;
  Part largest() const;  // of equal ones the first

 private:
  std::array<Duration, kParts> parts_{};
};

struct Explanation {
  TimeParts to_first_token;  // from when it was due
  TimeParts after;           // from the first token to the last
  Tokens evicted = 0;        // prompt tokens whose KV this worker had had, and computed again
};

// Which part made a request miss a limit. TTFT: the largest part. ITL: the decode steps if they alone were too slow, else the
// largest of the other parts.
Part cause_of_ttft(const Explanation& explanation);
Part cause_of_itl(const Explanation& explanation, Duration itl, Tokens output);

// Of a whole run, over requests that succeeded and missed.
struct ExplainSummary {
  struct Missed {
    std::int64_t requests = 0;
    std::array<std::int64_t, kParts> causes{};  // leading causes, by Part
    TimeParts parts;                            // sums over these requests
  };
  Missed ttft;
  Missed itl;
  std::int64_t errors = 0;
};

// `explanations` by place of the record.
ExplainSummary summarize(std::span<const RequestRecord> records, std::span<const Explanation> explanations, const Slo& slo);

// {"missed_ttft": {"requests", "causes": {...}, "mean_ms": {...}}, "missed_itl": ..., "errors"}.
void write_explain(JsonWriter& json, const ExplainSummary& summary);

// explain.jsonl: a line for each request that missed a limit, in order of request; times in whole nanoseconds.
std::string explain_lines(std::span<const RequestRecord> records, std::span<const Explanation> explanations, const Slo& slo);

}  // namespace infbench::measure
