// RunInfo: what was run, in words, as it goes with the figures into every report and file. RunResult: both together. Plain
// values, filled by cli/, usable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "measure/live.h"
#include "measure/summary.h"

namespace infbench::measure {

// Virtual times count from here in files that want a date: 2025-01-01T00:00:00Z, in nanoseconds of the Unix epoch.
inline constexpr std::int64_t kVirtualEpochNs = 1'735'689'600'000'000'000;

struct RunInfo {
  std::string generator = "infbench";                           // program and version that made the files
  std::string recipe;                                           // its name
  std::string recipe_path;                                      // as the user gave it
  std::vector<std::string> overrides;                           // key=value, as the user gave them
  std::vector<std::pair<std::string, std::string>> point = {};  // of a grid: values by key
  std::string policy;    // in one line: "round_robin", "prefill cache_aware, decode round_robin"
  std::string topology;  // in one line: "6 prefill + 2 decode workers, TP2"
  std::string model;
  int gpus = 0;
  std::string trace;            // the trace file's name without its folder
  std::string trace_sha256;     // of its bytes; may be empty
  bool stand_in_trace = false;  // synthesised in place of a published trace
  double speed = 1.0;
  std::uint64_t seed = 0;
  std::uint64_t inputs_hash = 0;  // of inputs that are not listed here, as the recipe's text and the engine's data
  bool simulated = true;
  std::vector<std::string> notes;  // each a sentence for the user, without a final period
  // Of a run over HTTP.
  std::int64_t epoch_ns = kVirtualEpochNs;  // nanoseconds of the Unix epoch at Time 0
  std::vector<std::string> urls = {};       // of the servers, as given
  std::string endpoint_type = "chat";       // or "completions"
  bool streaming = true;
  std::string phase_type = "fixed_schedule";  // as aiperf names it: or "concurrency", "poisson", "constant"
  std::string command_line = {};
  bool interrupted = false;  // the figures are of a part of what was to be sent
};

// What the run cost the machine it ran on. Never in a file that must be the same on every run.
struct HostCost {
  double wall_s = 0;
  double cpu_s = 0;
};

struct RunResult {
  RunInfo info;
  Summary summary;
  HostCost cost;
  std::optional<LiveFigures> live = std::nullopt;  // of a run over HTTP
};

// 12 hexadecimal digits that depend on all of `info` but its paths and on the limits: the same inputs, the same id.
std::string benchmark_id(const RunInfo& info, const Slo& slo);

}  // namespace infbench::measure
