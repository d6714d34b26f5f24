// simulate(): a trace through a router and engine workers in virtual time; out come records. An hour of traffic takes a
// fraction of a second, and the same inputs give the same records on every machine.
//
// The driver jumps from event to event. At an instant: workers and links that are due advance to it; what they tell becomes
// Events for the router, in order of (worker, request); held requests are asked again; arrivals are routed and submitted;
// touched workers settle. Runs on the caller's thread and keeps nothing behind.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "measure/explain.h"
#include "measure/record.h"
#include "measure/timeline.h"
#include "route/router.h"
#include "simulate/cluster.h"
#include "trace/schedule.h"
#include "trace/trace.h"

namespace infbench::simulate {

struct WorkerOutcome {
  Tokens kv_peak = 0;  // most KV in use by requests at any moment (kept prefixes of past requests not counted)
  Tokens kv_capacity = 0;
};

struct Outcome {
  std::vector<measure::RequestRecord> records;  // in order of RequestIndex, one for each request of the trace
  std::vector<WorkerOutcome> workers;           // by WorkerId
  std::vector<measure::Explanation> explained;  // in order of RequestIndex; empty if not asked for
};

// Told now and then how many requests have ended.
using Progress = std::function<void(std::size_t ended, std::size_t all)>;

// `timeline`, if not null, is told each worker's state after each change. `explain`: also where each request's time went; takes
// about 150 bytes a request and 16 a page of all prompts more.
enum class Explain : std::uint8_t { no, yes };
Outcome simulate(const trace::Trace& trace, const trace::Schedule& schedule, const Cluster& cluster, route::Router& router,
                 const Progress& progress, measure::Timeline* timeline = nullptr, Explain explain = Explain::no);

}  // namespace infbench::simulate
