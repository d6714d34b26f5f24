// What `srtctl submit` was asked to do, as values. One thread.
#pragma once

#include <string>
#include <vector>

#include "recipe/read_recipe.h"

namespace infbench::cli {

struct SubmitOptions {
  std::vector<std::string> recipes;
  std::vector<recipe::Edit> edits;  // --set and --unset
  std::string launcher;             // slurm | srun | local; empty: slurm where it is there
  std::string output_dir;           // -o; empty: a new folder in outputs/
  std::string trace_dir;
  bool wait = false;
  bool json = false;
};

// The child that ends what a run leaves behind (launch/guard.h); not for people.
struct GuardOptions {
  std::string run_id;
};

}  // namespace infbench::cli
