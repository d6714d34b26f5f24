// `srtctl submit --launcher slurm`: each recipe becomes a batch job that runs `srtctl submit --launcher srun` inside. One
// thread.
#pragma once

#include <span>

#include "base/exit_code.h"
#include "cli/submit_options.h"
#include "recipe/cluster.h"
#include "recipe/recipe.h"

namespace infbench::cli {

// Prints each job's number on a line of its own; with --json one document. With --wait it follows the jobs to their ends, one
// after the other, and gives the first exit code that is not 0; the document then has their results.
ExitCode submit_to_slurm(const SubmitOptions& options, std::span<const recipe::Recipe> recipes, const recipe::Cluster& cluster);

}  // namespace infbench::cli
