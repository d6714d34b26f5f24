// Cases: what simulate and compare run: each recipe of the command line at each point of the grid. One thread.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "cli/simulated_run.h"

namespace infbench::cli {

struct Case {
  std::shared_ptr<const Deployment> deployment;  // points that differ in speed or seed only share one
  RunSettings settings;
};

// In the order of the recipes, then of the points. All are checked before anything runs, and all their errors told at once,
// each once.
Result<std::vector<Case>> cases_of(const SimulateOptions& options);

}  // namespace infbench::cli
