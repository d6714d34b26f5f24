#include "simulate/cluster.h"

#include <algorithm>
#include <charconv>
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

constexpr double kMemoryFraction = 0.9;  // gpu-memory-utilization: vllm 0.13.0, config/cache.py

bool is_vllm(const recipe::Recipe& recipe) { return recipe.backend.type == "vllm"; }

Error missing(const recipe::Recipe& recipe, Role role, const char* flag, const char* more) {
  return {.what = "recipe '" + recipe.name + "': simulate needs " + flag + " of the " + std::string(name_of(role)) + " workers",
          .hint = std::string("add it to backend.") + (is_vllm(recipe) ? "vllm_config" : "sglang_config") + more,
          .file = recipe.file,
          .source_line = {}};
}

// vLLM schedules between two steps unless it does so ahead, and the GPUs wait: 5 to 6 ms at 256 requests, 0.15 to 0.17 ms ahead
// (vllm#10634, vllm#11133). How the 5.6 ms divide between step and request is our choice.
void schedule_between_steps(engine::WorkerConfig& config) {
  config.gap = microseconds(1000);
  config.gap_per_request = microseconds(18);
}

// "0.12.0" is before 0.14.
bool is_before(std::string_view version, int major, int minor) {
  int parts[2] = {0, 0};
  const char* at = version.data();
  const char* end = at + version.size();
  for (int& part : parts) {
    const auto read = std::from_chars(at, end, part);
    if (read.ec != std::errc{}) return false;
    at = read.ptr == end ? end : read.ptr + 1;
  }
  return parts[0] < major || (parts[0] == major && parts[1] < minor);
}

std::optional<engine::QueueOrder> order_named(const std::string& policy) {
  if (policy == "fcfs") return engine::QueueOrder::arrival;
  if (policy == "lpm") return engine::QueueOrder::longest_prefix;
  if (policy == "lof") return engine::QueueOrder::longest_answer;
  return std::nullopt;
}

// sglang 0.5.6, model_runner.py (init_memory_pool): 512 for each context that fits the KV (parts of one count), within these.
std::int64_t default_max_running_requests(Tokens kv_capacity, Tokens context_length) {
  return std::clamp<std::int64_t>(kv_capacity * 512 / context_length, 2048, 4096);
}

Errors missing_flags(const recipe::Recipe& recipe, Role role, const recipe::EngineFlags& flags) {
  Errors errors;
  if (!flags.context_length) errors.push_back(missing(recipe, role, is_vllm(recipe) ? "max-model-len" : "context-length", ""));
  if (!recipe.engine.kv_tokens && !flags.mem_fraction_static && !is_vllm(recipe)) {
    errors.push_back(missing(recipe, role, "mem-fraction-static", ", or set engine.kv_tokens"));
  }
  if (!order_named(flags.schedule_policy)) {
    errors.push_back({.what = "recipe '" + recipe.name + "': simulate does not model schedule-policy '" +
                              flags.schedule_policy + "' of the " + std::string(name_of(role)) + " workers",
                      .hint = "those it does are fcfs, lof, lpm",
                      .file = recipe.file,
                      .source_line = {}});
  }
  return errors;
}

// What the engine's flags and the data say about a worker of this role.
Result<engine::WorkerConfig> worker_config(const recipe::Recipe& recipe, Role role, const cost::Model& model) {
  const recipe::EngineFlags flags = recipe.engine_flags(role);
  Errors errors = missing_flags(recipe, role, flags);
  if (!errors.empty()) return fail(std::move(errors));
  const bool vllm = is_vllm(recipe);
  const std::string& gpu = recipe.resources.gpu_type;
  const Tokens chunk =
      flags.chunked_prefill_size.value_or(vllm ? recipe::default_max_num_batched_tokens(gpu) : *flags.context_length);
  engine::WorkerConfig config{.role = role,
                              .kv_capacity = 0,
                              .page = flags.page_size,
                              .chunk = std::max(chunk, flags.page_size),
                              .context_length = *flags.context_length,
                              .scheduler = vllm ? engine::Scheduler::vllm : engine::Scheduler::sglang,
                              .keep_prefixes = flags.keeps_prefixes,
                              // What a batch of prompts that are cut can take is bounded by the chunk.
                              .prompts_max = flags.max_prefill_tokens,
                              .order = *order_named(flags.schedule_policy),
                              .conservativeness = flags.schedule_conservativeness,
                              .mixed_chunks = flags.mixed_chunk};
  if (vllm && !flags.schedules_ahead) schedule_between_steps(config);
  config.kv_capacity = recipe.engine.kv_tokens
                           ? *recipe.engine.kv_tokens
                           : model.kv.tokens(flags.mem_fraction_static.value_or(kMemoryFraction), config.chunk);
  if (config.kv_capacity < config.page) {
    return fail("recipe '" + recipe.name + "': no room for KV on a " + std::string(name_of(role)) +
                    " worker: " + describe(model.key) + " leaves " + std::to_string(config.kv_capacity) + " tokens",
                vllm ? "more GPUs per worker, a larger gpu-memory-utilization, or set engine.kv_tokens"
                     : "more GPUs per worker, a larger mem-fraction-static, or set engine.kv_tokens");
  }
  config.running_max = flags.max_running.value_or(
      vllm ? recipe::default_max_num_seqs(gpu) : default_max_running_requests(config.kv_capacity, config.context_length));
  return config;
}

// The engine whose data the model follows. Of backend.type model that is sglang, whose flags it takes.
std::string engine_of(const recipe::Recipe& recipe) { return recipe.backend.type == "model" ? "sglang" : recipe.backend.type; }

}  // namespace

Result<Cluster> build_cluster(const recipe::Recipe& recipe, const plan::Plan& plan, const std::string& data_dir) {
  Cluster cluster;
  cluster.across_nodes = network_of(recipe.engine);
  cluster.layerwise_kv = recipe.engine.layerwise_kv;
  cluster.slo = recipe.slo();
  cluster.announced_output = recipe.engine.announced_output;
  std::map<int, std::shared_ptr<const cost::Model>> by_tp;
  std::map<Role, engine::WorkerConfig> by_role;
  for (const plan::Worker& worker : plan.workers) {
    auto& model = by_tp[worker.tensor_parallel];
    if (!model) {
      auto loaded = cost::load(data_dir, {.model = recipe.served_model_name(),
                                          .precision = recipe.model.precision,
                                          .gpu = recipe.resources.gpu_type,
                                          .tp = worker.tensor_parallel,
                                          .engine = engine_of(recipe),
                                          .folder = recipe.model.path});
      if (!loaded) return fail(std::move(loaded.error()));
      if (recipe.engine.ignore_prefix_attention) loaded->step_time = loaded->step_time.without_prefix_attention();
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
    cluster.drawn.push_back(std::make_shared<const cost::StepTime>(model->step_time.with(drawn)));
  }
  for (ClusterWorker& worker : cluster.workers) {
    for (std::size_t i = 0; i < cluster.models.size(); ++i) {
      if (worker.model == cluster.models[i].get()) worker.drawn = cluster.drawn[i].get();
    }
  }
}

Result<engine::WorkerConfig> default_worker(const cost::Model& model, std::string_view version) {
  constexpr Tokens kVllmBlock = 16;  // vllm 0.13.0, config/cache.py
  const std::string& gpu = model.key.gpu;
  if (model.key.engine != "sglang" && model.key.engine != "vllm") {
    return fail("no scheduler is known of the engine '" + model.key.engine + "'", "those there are: sglang, vllm");
  }
  const bool vllm = model.key.engine == "vllm";
  engine::WorkerConfig config{
      .role = Role::aggregated,
      .kv_capacity = 0,
      .page = vllm ? kVllmBlock : 1,
      .chunk = vllm ? recipe::default_max_num_batched_tokens(gpu) : recipe::default_chunked_prefill_size(gpu),
      .context_length = 0,
      .scheduler = vllm ? engine::Scheduler::vllm : engine::Scheduler::sglang};
  if (vllm && is_before(version, 0, 14)) schedule_between_steps(config);
  config.kv_capacity = model.kv.tokens(kMemoryFraction, config.chunk);
  config.context_length = config.kv_capacity;
  if (config.kv_capacity < config.chunk) return fail("no room for KV on a worker of " + describe(model.key));
  config.running_max = vllm ? recipe::default_max_num_seqs(gpu) : default_max_running_requests(config.kv_capacity, 40960);
  return config;
}

}  // namespace infbench::simulate
