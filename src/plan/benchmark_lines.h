// The benchmark of a plan: warm-up and client, their command lines and where they run. Pure, usable from any thread.
#pragma once

#include "plan/plan.h"
#include "recipe/recipe.h"

namespace infbench::plan {

// `plan` has its workers and its router.
Benchmark make_benchmark(const recipe::Recipe& recipe, const Site& site, const Plan& plan);

}  // namespace infbench::plan
