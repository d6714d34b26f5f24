// What `srtctl dry-run` costs: a recipe read, laid out and shown, and 500 of them.
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>

#include "base/json_writer.h"
#include "plan/plan.h"
#include "plan/plan_output.h"
#include "recipe/read_recipe.h"

namespace infbench {
namespace {

std::size_t dry_run(const std::string& file, bool as_json) {
  const auto recipe = recipe::read_recipe(file);
  if (!recipe) std::abort();
  const auto plan = plan::make_plan(*recipe, plan::placeholder_inventory(recipe->nodes()));
  if (!plan) std::abort();
  const std::string script = plan::batch_script(*recipe, plan->site, "outputs");
  if (!as_json) return plan::to_text(*plan).size() + script.size();
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  plan::write_json(*plan, json);
  return out.size() + script.size();
}

void DryRun(benchmark::State& state, bool as_json, int recipes) {
  for (auto _ : state) {
    for (int i = 0; i < recipes; ++i) {
      benchmark::DoNotOptimize(dry_run("recipies/qwen3-32b/disagg-kv-router.yaml", as_json));
    }
  }
}
BENCHMARK_CAPTURE(DryRun, one_as_text, false, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DryRun, one_as_json, true, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DryRun, five_hundred_as_text, false, 500)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace infbench
