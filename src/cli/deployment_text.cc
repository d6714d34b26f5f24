#include "cli/deployment_text.h"

#include <algorithm>
#include <functional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace infbench::cli {

std::string policy_text(const recipe::Recipe& recipe) {
  if (!recipe.disaggregated()) return recipe.policy(Stage::whole);
  const std::string prefill = recipe.policy(Stage::prefill);
  const std::string decode = recipe.policy(Stage::decode);
  return prefill == decode ? prefill : fmt::format("prefill {}, decode {}", prefill, decode);
}

std::string topology_text(const recipe::Recipe& recipe) {
  std::string text;
  std::vector<int> tps;
  for (const recipe::WorkerGroup& group : recipe.groups()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " + ", group.workers, name_of(group.role));
    tps.push_back(recipe.engine_flags(group.role).tensor_parallel_size);
  }
  const bool one_tp = std::adjacent_find(tps.begin(), tps.end(), std::not_equal_to<>()) == tps.end();
  return fmt::format("{} workers, TP{}", text,
                     one_tp ? fmt::format("{}", tps.front()) : fmt::format("{}", fmt::join(tps, "/")));
}

int gpus_of(const plan::Plan& plan) {
  std::size_t gpus = 0;
  for (const plan::WorkerProcess& process : plan.processes) gpus += process.gpus.size();
  return static_cast<int>(gpus);
}

}  // namespace infbench::cli
