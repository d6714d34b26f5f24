// One recipe on one trace in virtual time, from its file to its figures: the story that simulate and compare tell once or more
// often. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "measure/explain.h"
#include "measure/record.h"
#include "measure/run.h"
#include "measure/timeline.h"
#include "plan/plan.h"
#include "recipe/read_recipe.h"
#include "recipe/recipe.h"
#include "simulate/closed_loop.h"
#include "simulate/simulate.h"
#include "trace/trace.h"

namespace infbench::cli {

// A recipe that has been checked and laid out, ready to run. Runs only read it, from any thread.
struct Deployment {
  recipe::Recipe recipe;
  plan::Plan plan;
  simulate::Cluster cluster;
  std::vector<std::string> overrides;  // the edits, as they go into reports
  std::uint64_t text_hash = 0;         // of the recipe's file and which of its recipes this is
};

// `edits`: those that the recipe was read with. `data_dir`: program_files.h says where. Errors: a policy that the virtual
// cluster does not model yet; those of the plan; what the data or the engine model lack.
Result<Deployment> prepare(recipe::Recipe recipe, std::span<const recipe::Edit> edits, const std::string& data_dir);

// The trace that all runs share.
struct Traffic {
  trace::Trace trace;
  std::string path;
  std::string sha256;
  std::vector<std::string> notes;
  std::optional<simulate::ClosedLoop> closed_loop = {};  // what the trace stands for; none: a trace with times of its own
};

struct RunSettings {
  double speed = 1.0;
  std::uint64_t seed = 0;
  std::vector<std::pair<std::string, std::string>> point = {};  // of the grid, for reports: values by key
  bool explain = false;
  std::optional<std::uint64_t> draw = std::nullopt;  // step times drawn from their uncertainty; none: as fitted
  bool with_timeline = false;                        // for charts: takes some more time
};

struct SimulatedRun {
  measure::RunResult result;
  std::vector<measure::RequestRecord> records;               // in order of request
  std::vector<measure::Explanation> explanations;            // the same, if asked for
  std::optional<measure::Timeline> timeline = std::nullopt;  // the same
};

// `progress` may be empty. Runs of different threads do not touch each other.
Result<SimulatedRun> simulate_run(const Deployment& deployment, const Traffic& traffic, const RunSettings& settings,
                                  const simulate::Progress& progress = {});

}  // namespace infbench::cli
