// One recipe on one trace in virtual time, from its file to its figures: the story that simulate and compare tell once or more
// often. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "measure/record.h"
#include "measure/run.h"
#include "plan/plan.h"
#include "recipe/recipe.h"
#include "trace/trace.h"

namespace infbench::cli {

// A recipe that has been checked and laid out, ready to run.
struct Deployment {
  recipe::Recipe recipe;
  plan::Plan plan;
  std::uint64_t text_hash = 0;  // of the recipe's file
};

// Errors: those of the recipe; a policy that the virtual cluster does not model yet.
Result<Deployment> prepare(const std::string& recipe_path, std::span<const std::string> sets);

// The trace that every run of a comparison shares.
struct Traffic {
  trace::Trace trace;
  std::string path;
  std::string sha256;
  std::vector<std::string> notes;
  double speed = 1.0;
  std::uint64_t seed = 0;
};

struct SimulatedRun {
  measure::RunResult result;
  std::vector<measure::RequestRecord> records;  // in order of request
};

Result<SimulatedRun> simulate_run(const Deployment& deployment, const Traffic& traffic, std::span<const std::string> sets);

}  // namespace infbench::cli
