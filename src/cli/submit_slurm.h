// `srtctl submit --launcher slurm`: each recipe becomes a batch job that runs `srtctl submit --launcher srun` inside. One
// thread.
#pragma once

#include <string>
#include <vector>

#include "base/exit_code.h"
#include "recipe/cluster.h"
#include "recipe/recipe.h"

namespace infbench::cli {

struct SlurmJob {
  const recipe::Recipe* recipe = nullptr;  // must outlive the call
  std::string trace;                       // found here, where jobs find it too; empty: it needs none
};

// Prints the jobs' numbers and folders, with `json` as one document. `wait`: follows them to their ends, one after the other,
// and gives the first exit code that is not 0.
ExitCode submit_to_slurm(const std::vector<SlurmJob>& jobs, const recipe::Cluster& cluster, bool wait, bool json);

}  // namespace infbench::cli
