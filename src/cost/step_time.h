// StepTime: how long one engine step takes, from the physical terms of the step, request by request.
//
// Made once from a data file, then immutable: share it by const reference between workers and threads. Pure: no clock, no I/O.
// A step is described by a StepLoad, to which each request adds its own part; the time of a batch is thus a function of sums over its
// requests, never of means.
//
// Times are Ticks, 2^-16 ns, in integers: the k-th step of an unchanged decode batch costs a line in k, whose sum is exact in closed
// form, so that a jump over many steps and the same steps one by one give the same bits.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace infbench::cost {

using Ticks = std::int64_t;  // 2^-16 ns
inline constexpr Ticks kTicksPerNs = 65536;

// What one step computes, as sums over its requests. Zero-initialised is an empty step; filled by add_chunk and add_decode only.
struct StepLoad {
  int chunks = 0;             // prompts (or parts of one) in this step
  Tokens new_tokens = 0;      // prompt tokens computed
  // ... the cost room adds the integer attention terms it needs
  int decodes = 0;            // sequences that get one token
  Tokens decode_context = 0;  // tokens of KV that those sequences read
};

class StepTime {
 public:
  // A part of a prompt: `fresh` tokens (> 0) computed after `prefix` tokens (>= 0) whose KV is there, cached or computed before.
  void add_chunk(StepLoad& load, Tokens prefix, Tokens fresh) const;
  // A running sequence with `context` tokens of KV, prompt and output, before this step.
  static void add_decode(StepLoad& load, Tokens context);
  Ticks of(const StepLoad& load) const;

  // `steps` decode steps of an unchanged batch: `sequences` (> 0) that hold `context` tokens of KV together before the first of
  // them; each step adds one token to each sequence. Exactly the sum of of() over the steps.
  Ticks decode_sum(int sequences, Tokens context, std::int64_t steps) const;
  // The most such steps, up to `at_most`, whose sum is <= `budget`.
  std::int64_t decode_steps_within(int sequences, Tokens context, std::int64_t at_most, Ticks budget) const;

  // Seconds-free estimate for policies: the whole prompt after `cached` tokens, in chunks of `chunk` tokens, alone on the worker.
  Ticks prefill(Tokens cached, Tokens input, Tokens chunk) const;
};

}  // namespace infbench::cost
