// What an engine worker tells its driver. A Sink only writes down: it must not call back into any worker.
//
// Calls come per step or per run of equal steps, never per token, on the thread that drives the worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/types.h"

namespace infbench::engine {

// Decode steps of one unchanged batch, or some of them: each gave every request one token.
struct DecodeRun {
  std::span<const RequestId> requests;
  std::int64_t steps = 0;
  Time first_end;  // when the first of these steps ended
  Time last_end;
};

// A part of a prompt that a step computed: `fresh` tokens after `before` tokens whose KV was there.
struct PromptPart {
  RequestId request;
  Tokens before = 0;
  Tokens fresh = 0;
};

// A step that computed prompts, perhaps beside decodes.
struct PromptStep {
  std::span<const PromptPart> parts;
  Time start;
  Time end;
  Duration without_prompts;  // what its decodes alone would have taken; 0: it had none
  Duration without_decodes;  // what its prompts alone would have taken
};

// Why a request can never run here.
enum class Refusal : std::uint8_t { above_context_length, above_kv_capacity };

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  // Decode stage: KV for prompt and answer is set aside, the prompt may be computed elsewhere.
  virtual void kv_reserved(RequestId id, Time at) = 0;
  // Prefill stage: the KV of prompt tokens [from, to) can be sent. Prefix hits are part of the first range; `last` at the
  // prompt's end.
  virtual void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) = 0;
  // Stage whole and prefill: the prompt is computed, `cached` tokens of it came from the prefix cache. Stage decode: the first
  // token goes out; `cached` is 0.
  virtual void first_token(RequestId id, Tokens cached, Time at) = 0;
  virtual void decoded(const DecodeRun& run) = 0;
  // At the end of the step, before what it gave is told. Only who explains latencies listens.
  virtual void prompts_computed(const PromptStep& step) { static_cast<void>(step); }
  // Stage whole and decode: the last token went out, the worker has forgotten the request.
  virtual void finished(RequestId id, Time at) = 0;
  virtual void refused(RequestId id, Refusal why, Time at) = 0;
};

}  // namespace infbench::engine
