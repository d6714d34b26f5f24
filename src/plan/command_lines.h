// The command lines of workers and routers, word by word. Pure, usable from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "recipe/recipe.h"

namespace infbench::plan {

// `process` has its ports; `leader` is the address of the worker's rank 0.
std::vector<std::string> worker_argv(const recipe::Recipe& recipe, const recipe::WorkerGroup& group,
                                     const WorkerProcess& process, const Worker& worker, const std::string& leader);

std::vector<std::string> router_argv(const recipe::Recipe& recipe, std::span<const Worker> workers);

// The variables of a process on `node`: those of its role, then those of all workers (which win), then the GPUs it may see.
Environment worker_environment(const recipe::Recipe& recipe, const recipe::WorkerGroup& group, const WorkerProcess& process,
                               const Node& node);

// One line that a POSIX shell reads back as these words.
std::string shell_line(const Environment& environment, std::span<const std::string> argv);

}  // namespace infbench::plan
