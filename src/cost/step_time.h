// StepTime: how long one engine step takes, from the physical terms of the step, request by request.
//
// Made once from a data file (cost/model.h), then immutable: share it by const reference between workers and threads. Pure: no
// clock, no I/O, no allocation. A step is described by a StepLoad, to which each request adds its own part; the time of a batch
// is thus a function of sums over its requests, never of means.
//
// With N = prompt tokens computed + sequences decoded, C = tokens of KV that the decoded sequences read, a step takes
//
//   step + [any prompt] prompt_step + [any decode] decode_step + [N > wave_knee] wave
//     + token N + token_beyond[i] max(0, N - token_knees[i]), i = 0..2
//     + kv_token C + kv_token_below_knee min(C, kv_knee) + attention_pair (pairs of a prompt token and a token it attends to)
//
// All coefficients are >= 0, so a step never gets faster when a term grows. calibrate/fit.h fits the same formula to
// data.
//
// Times are Ticks, 2^-16 ns, in integers: the k-th step of an unchanged decode batch costs a line in k with one bend, whose sum
// is exact in closed form, so that a jump over many steps and the same steps one by one give the same bits. A result that does
// not fit (over 39 hours) is the largest Ticks there is.
#pragma once

#include <array>
#include <cstdint>

#include "base/types.h"

namespace infbench::cost {

using Ticks = std::int64_t;  // 2^-16 ns
inline constexpr Ticks kTicksPerNs = 65536;

// What one step computes, as sums over its requests. Zero-initialised is an empty step; filled by add_chunk and add_decode
// only.
struct StepLoad {
  int chunks = 0;                // prompts (or parts of one) in this step
  Tokens new_tokens = 0;         // prompt tokens computed
  std::int64_t twice_pairs = 0;  // 2 x pairs of a computed prompt token and a token it attends to (itself, all before it)
  std::int64_t twice_prefix_pairs = 0;  // of these, those whose second token was there before the step
  int decodes = 0;                      // sequences that get one token
  Tokens decode_context = 0;            // tokens of KV that those sequences read
};

// The numbers of one data file, all >= 0 and `step` > 0; knees rise. See the formula above.
struct Coefficients {
  Ticks step = 0;                       // every step
  Ticks prompt_step = 0;                // once, with any prompt
  Ticks decode_step = 0;                // once, with any decode
  Ticks token = 0;                      // per token of N
  std::array<Ticks, 3> token_beyond{};  // more per token of N beyond token_knees[i]
  Ticks wave = 0;                       // once, beyond wave_knee
  Ticks kv_token = 0;                   // per token of C
  Ticks kv_token_below_knee = 0;        // more per token of C up to kv_knee
  Ticks attention_pair = 0;             // per pair
  std::array<Tokens, 3> token_knees{};  // tokens of N
  Tokens wave_knee = 0;                 // tokens of N
  Tokens kv_knee = 0;                   // tokens of C
};

// Exact for contexts to 10 million tokens and batches to 4,096 sequences.
class StepTime {
 public:
  explicit StepTime(const Coefficients& coefficients);

  // A part of a prompt: `fresh` tokens (> 0) computed after `prefix` tokens (>= 0) whose KV is there, cached or computed
  // before.
  static void add_chunk(StepLoad& load, Tokens prefix, Tokens fresh);
  // A running sequence with `context` tokens (>= 0) of KV, prompt and output, before this step.
  static void add_decode(StepLoad& load, Tokens context);
  // 0 for an empty step.
  Ticks of(const StepLoad& load) const;

  // `steps` (>= 0) decode steps of an unchanged batch: `sequences` (> 0) that hold `context` tokens of KV together before the
  // first of them; each step adds one token to each sequence. Exactly the sum of of() over the steps.
  Ticks decode_sum(int sequences, Tokens context, std::int64_t steps) const;
  // The most such steps, up to `at_most`, whose sum is <= `budget`.
  std::int64_t decode_steps_within(int sequences, Tokens context, std::int64_t at_most, Ticks budget) const;

  // Seconds-free estimate for policies: the whole prompt of `input` tokens after `cached` tokens, in chunks of `chunk` (> 0)
  // tokens, alone on the worker. 0 when all of it is cached.
  Ticks prefill(Tokens cached, Tokens input, Tokens chunk) const;

  const Coefficients& coefficients() const { return coefficients_; }

  // The same, with prompts that attend to nothing but what the step itself computes of them.
  StepTime without_prefix_attention() const;
  // The same with other coefficients: whether prompts attend to what was there before stays as it is.
  StepTime with(const Coefficients& coefficients) const;

 private:
  Coefficients coefficients_;
  bool prefix_attention_ = true;
};

}  // namespace infbench::cost
