// One recipe on one trace in virtual time, from its file to its figures: the story that simulate and compare tell once or more
// often. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "measure/record.h"
#include "measure/run.h"
#include "plan/plan.h"
#include "recipe/read_recipe.h"
#include "recipe/recipe.h"
#include "simulate/closed_loop.h"
#include "trace/trace.h"

namespace infbench::cli {

// A recipe that has been checked and laid out, ready to run.
struct Deployment {
  recipe::Recipe recipe;
  plan::Plan plan;
  std::uint64_t text_hash = 0;  // of the recipe's file and which of its recipes this is
};

// Errors: a policy that the virtual cluster does not model yet; those of the plan.
Result<Deployment> prepare(recipe::Recipe recipe);

// The trace that every run of a comparison shares.
struct Traffic {
  trace::Trace trace;
  std::string path;
  std::string sha256;
  std::vector<std::string> notes;
  double speed = 1.0;
  std::uint64_t seed = 0;
  std::optional<simulate::ClosedLoop> closed_loop = {};  // what the trace stands for; none: a trace with times of its own
};

struct SimulatedRun {
  measure::RunResult result;
  std::vector<measure::RequestRecord> records;  // in order of request
};

Result<SimulatedRun> simulate_run(const Deployment& deployment, const Traffic& traffic, std::span<const recipe::Edit> edits);

}  // namespace infbench::cli
