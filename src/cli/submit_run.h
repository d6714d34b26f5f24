// One recipe's run by `submit --launcher local|srun`, from its recipe to its result in the output folder. One thread.
#pragma once

#include <string>

#include "base/exit_code.h"
#include "base/result.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

namespace infbench::cli {

// The recipe as it was run, with every default, in the run's folder: itself a recipe.
inline constexpr const char* kResolvedRecipe = "recipe_resolved.yaml";

std::string own_program();  // the path of this program

// Where recipes are run: the same for all recipes of one command.
struct SubmitPlace {
  std::string launcher;  // local | srun
  plan::Inventory inventory;
  recipe::Cluster cluster;
  std::string job;         // of the allocation; empty: the output folder's name
  std::string output_dir;  // of the run; empty: a new one in outputs/
};

// Of the recipe's benchmark: on this machine, never downloaded. Empty: it needs none.
Result<std::string> find_benchmark_trace(const recipe::Recipe& recipe, const std::string& trace_dir);

struct SubmitEnd {
  ExitCode code = ExitCode::success;
  bool interrupted = false;
  std::string text;  // of the result, for people
  std::string json;  // the same, one object
};

// Errors: nothing was started.
Result<SubmitEnd> run_recipe(const recipe::Recipe& recipe, const std::string& trace, const SubmitPlace& place);

}  // namespace infbench::cli
