// ClosedLoop: the load of a benchmark client with a fixed concurrency: equal requests, so many at a time, each that ends
// followed at once by the next. No two prompts have a page in common. Values and pure functions, usable from any thread.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/types.h"
#include "cost/model.h"
#include "trace/schedule.h"
#include "trace/trace.h"

namespace infbench::simulate {

struct ClosedLoop {
  Tokens input = 0;           // of each prompt, 1 to trace::kMostTokens
  Tokens output = 0;          // of each answer, 1 to trace::kMostTokens
  int concurrency = 0;        // requests under way at once, at least 1
  std::int64_t requests = 0;  // in all, 1 to UINT32_MAX
};

trace::Trace trace_of(const ClosedLoop& load);
trace::Schedule schedule_of(const ClosedLoop& load);

// Means over all requests, milliseconds. tpot_ms: (end - first token) / (output - 1); 0 for answers of one token.
struct ClosedLoopFigures {
  double ttft_ms = 0;
  double tpot_ms = 0;
};

// What the load meets on one worker of `model` that its engine (model.key.engine, sglang or vllm) runs with its own defaults:
// what a row of measured figures is compared with. Errors: a request that does not fit the worker; an engine without a
// scheduler here.
Result<ClosedLoopFigures> run_closed_loop(const ClosedLoop& load, const cost::Model& model);

}  // namespace infbench::simulate
