// What a deployment is, in words and numbers, as reports and results name it. Pure, usable from any thread.
#pragma once

#include <string>

#include "plan/plan.h"
#include "recipe/recipe.h"

namespace infbench::cli {

// "round_robin"; of a pair with two policies "prefill cache_aware, decode round_robin".
std::string policy_text(const recipe::Recipe& recipe);

// "6 prefill + 2 decode workers, TP2".
std::string topology_text(const recipe::Recipe& recipe);

int gpus_of(const plan::Plan& plan);

}  // namespace infbench::cli
