// srtslurm.yaml, and a recipe that takes its aliases and defaults.
#include "recipe/cluster.h"
#include "recipe/read_recipe.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

constexpr std::string_view kRecipe = R"(name: sample
model: {path: qwen3-32b, container: latest, precision: bf16}
resources: {gpu_type: h200, gpus_per_node: 8, agg_nodes: 2, agg_workers: 8}
frontend: {type: sglang, enable_multiple_frontends: false}
backend: {type: sglang, sglang_config: {aggregated: {tensor-parallel-size: 2}}}
benchmark: {type: manual}
)";

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  const std::string_view text = text_of(data, size);
  const auto cluster = recipe::read_cluster_text(text, "srtslurm.yaml");
  if (!cluster) {
    check_errors(cluster.error(), text);
    return 0;
  }
  const auto recipe = recipe::read_recipe_text(kRecipe, "r.yaml", {}, *cluster);
  if (!recipe) check_errors(recipe.error(), kRecipe);
  return 0;
}
