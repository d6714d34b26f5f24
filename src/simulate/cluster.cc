#include "simulate/cluster.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "cost/draw.h"

namespace infbench::simulate {
namespace {

// A latency below this would let two workers act on each other within one instant (see engine::Links).
constexpr double kLeastLatencyUs = 1.0;

engine::LinkSpec network_of(const recipe::Engine& engine) {
  const double latency_us = std::max(engine.link_us, kLeastLatencyUs);
  return {.bytes_per_s = static_cast<std::int64_t>(engine.link_gbps * 1e9 / 8),
          .latency = Duration{static_cast<std::int64_t>(latency_us * 1e3)}};
}

Error missing(const recipe::Recipe& recipe, Role role, const char* flag, const char* more) {
  return {.what = "recipe '" + recipe.name + "': simulate needs " + flag + " of the " + std::string(name_of(role)) + " workers",
          .hint = "add it to backend.sglang_config" + std::string(more),
          .file = recipe.file,
          .source_line = {}};
}

// What the engine's flags and the data say about a worker of this role.
Result<engine::WorkerConfig> worker_config(const recipe::Recipe& recipe, Role role, const cost::Model& model) {
  const recipe::EngineFlags flags = recipe.engine_flags(role);
  Errors errors;
  if (!flags.context_length) errors.push_back(missing(recipe, role, "context-length", ""));
  if (!recipe.engine.kv_tokens && !flags.mem_fraction_static) {
    errors.push_back(missing(recipe, role, "mem-fraction-static", ", or set engine.kv_tokens"));
  }
  if (!errors.empty()) return fail(std::move(errors));
  engine::WorkerConfig config{.role = role,
                              .kv_capacity = 0,
                              .page = flags.page_size,
                              .chunk = std::max(flags.chunked_prefill_size.value_or(*flags.context_length), flags.page_size),
                              .context_length = *flags.context_length};
  config.kv_capacity =
      recipe.engine.kv_tokens ? *recipe.engine.kv_tokens : model.kv.tokens(*flags.mem_fraction_static, config.chunk);
  if (config.kv_capacity < config.page) {
    return fail("recipe '" + recipe.name + "': no room for KV on a " + std::string(name_of(role)) +
                    " worker: " + describe(model.key) + " leaves " + std::to_string(config.kv_capacity) + " tokens",
                "more GPUs per worker, a larger mem-fraction-static, or set engine.kv_tokens");
  }
  return config;
}

// The engine whose data the model follows. Of backend.type model that is sglang, whose flags it takes.
Result<std::string> engine_of(const recipe::Recipe& recipe) {
  if (recipe.backend.type == "model") return "sglang";
  if (recipe.backend.type != "vllm") return recipe.backend.type;
  return fail({.what = "recipe '" + recipe.name + "': simulate cannot model backend.type vllm yet",
               .hint = "simulate a recipe of sglang workers, or run this one with srtctl submit",
               .file = recipe.file,
               .source_line = {}});
}

}  // namespace

Result<Cluster> build_cluster(const recipe::Recipe& recipe, const plan::Plan& plan, const std::string& data_dir) {
  const Result<std::string> engine = engine_of(recipe);
  if (!engine) return fail(engine.error());
  Cluster cluster;
  cluster.across_nodes = network_of(recipe.engine);
  cluster.slo = recipe.slo();
  std::map<int, std::shared_ptr<const cost::Model>> by_tp;
  std::map<Role, engine::WorkerConfig> by_role;
  for (const plan::Worker& worker : plan.workers) {
    auto& model = by_tp[worker.tensor_parallel];
    if (!model) {
      auto loaded = cost::load(data_dir, {.model = recipe.served_model_name(),
                                          .precision = recipe.model.precision,
                                          .gpu = recipe.resources.gpu_type,
                                          .tp = worker.tensor_parallel,
                                          .engine = *engine});
      if (!loaded) return fail(std::move(loaded.error()));
      model = std::make_shared<const cost::Model>(*std::move(loaded));
      cluster.models.push_back(model);
    }
    if (by_role.count(worker.role) == 0) {
      const auto config = worker_config(recipe, worker.role, *model);
      if (!config) return fail(config.error());
      by_role[worker.role] = *config;
    }
    cluster.workers.push_back({.config = by_role[worker.role], .model = model.get(), .node = worker.node});
  }
  return cluster;
}

void draw_step_times(Cluster& cluster, std::uint64_t draw) {
  cluster.drawn.clear();
  for (const auto& model : cluster.models) {
    const cost::Coefficients drawn = cost::drawn(model->step_time.coefficients(), model->relative_sd, draw);
    cluster.drawn.push_back(std::make_shared<const cost::StepTime>(drawn));
  }
  for (ClusterWorker& worker : cluster.workers) {
    for (std::size_t i = 0; i < cluster.models.size(); ++i) {
      if (worker.model == cluster.models[i].get()) worker.drawn = cluster.drawn[i].get();
    }
  }
}

}  // namespace infbench::simulate
