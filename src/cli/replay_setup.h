// From replay's options to what it needs to run: traffic, limits, words, addresses, all checked, with all mistakes told at
// once. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/replay_options.h"
#include "cli/requirement.h"
#include "live/replay.h"
#include "measure/run.h"

namespace infbench::cli {

struct ReplaySetup {
  trace::Trace trace;
  trace::Schedule schedule;
  Duration schedule_length;            // from the first send to the last; 0: closed loop
  std::optional<net::WordList> words;  // there in every result
  live::ReplayOptions live;
  std::vector<live::Target> metrics_targets;
  Slo slo;
  std::vector<Requirement> requirements;
  measure::RunInfo info;
};

Result<ReplaySetup> set_up(const ReplayOptions& options);

// Prompts that share nothing with the trace's, all due at once.
trace::Trace synthetic_trace(std::uint32_t requests, Tokens input, Tokens output, std::uint64_t first_id);

}  // namespace infbench::cli
