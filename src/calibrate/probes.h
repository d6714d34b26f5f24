// Probes: what a live server is asked so that its step times can be fitted, as a trace and a schedule that replay (over HTTP)
// and simulate (in virtual time) both run, and what the answers say.
//
// A prompt probe sends prompts of one length after one cached prefix, alone, several times; its TTFT is the time of its chunks,
// the median counts. A decode probe sends so many prompts of one length at once; when the last of them has its first token the
// whole batch decodes, and what passes from there to that request's last token is the time of those steps. One probe follows
// the end of the one before. Pure; any thread.
//
// Step times only enter as sums, so probes cannot tell apart the fixed part of all steps from that of prompt and decode steps
// (only step + prompt_step and step + decode_step), nor knees between two probed sizes. No estimate of a step that is either
// prompts or decodes needs more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "calibrate/step_rows.h"
#include "measure/record.h"
#include "trace/schedule.h"
#include "trace/trace.h"

namespace infbench::calibrate {

struct Probe {
  Kind kind = Kind::prefill;  // prefill or decode
  Tokens prefix = 0;          // cached before; whole blocks of a trace
  Tokens fresh = 0;           // prompt tokens after it
  int batch = 1;              // decode: requests at once
};

// Tokens of each answer of a decode probe: so many less one steps are timed.
inline constexpr Tokens kDecodeProbeTokens = 33;
inline constexpr int kRepeats = 3;  // of prompt probes

struct ProbePlan {
  struct Part {
    Probe probe;
    std::uint32_t first = 0;  // request
    std::uint32_t count = 0;
  };
  trace::Trace trace;
  trace::Schedule schedule;
  std::vector<Part> parts;
};

// The probes that fit a server of at most `context` tokens a request and `batch` requests at once: 26 if it takes 33,000 and
// 128.
std::vector<Probe> usual_probes(Tokens context, int batch);
ProbePlan plan(const std::vector<Probe>& probes);

struct Observed {
  std::vector<Observation> rows;
  std::vector<std::string> notes;  // probes that failed, and why
};

// `records`: one for each request of the plan. `chunk`: most prompt tokens that the server computes in a step. `time_scale`:
// how many times faster than time the server runs (1: a real one).
Observed observe(const ProbePlan& plan, const std::vector<measure::RequestRecord>& records, Tokens chunk, double time_scale);

}  // namespace infbench::calibrate
