#include "recipe/schema.h"

#include <array>

#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

template <class S>
using Member =
    std::variant<std::string S::*, std::optional<std::string> S::*, std::int64_t S::*, std::optional<std::int64_t> S::*,
                 double S::*, bool S::*, StringMap S::*, Flags S::*, std::optional<Flags> S::*>;

template <class S>
struct Field {
  std::string_view key;
  Member<S> member;
  Rule rule;
};

using Names = std::string_view;

constexpr Range kNodes{.least = 1, .most = 1024};
constexpr Range kSharedNodes{.least = 0, .most = 1024};
constexpr Range kWorkers{.least = 1, .most = 32768};
constexpr Range kWorkerGpus{.least = 1, .most = 32768};
// 32 keeps the ports of the workers on one node clear of each other (plan/ports.h).
constexpr Range kNodeGpus{.least = 1, .most = 32};
constexpr Range kThreshold{.least = 0, .most = 86'400'000, .above = true};
constexpr Range kAttempts{.least = 1, .most = 1'000'000};
constexpr Range kSeconds{.least = 1, .most = 86'400};

constexpr auto kPrecisions = std::to_array<Names>({"bf16", "fp16", "fp8", "fp4", "nvfp4", "mxfp4", "int8", "int4"});
constexpr auto kGpuTypes =
    std::to_array<Names>({"a100", "h20", "h100", "h200", "b200", "b300", "gb200", "gb300", "l40s", "mi300x"});
constexpr auto kFrontends = std::to_array<Names>({"sglang", "srtctl"});
constexpr auto kLaterFrontends = std::to_array<Names>({"dynamo", "trtllm_serve", "vllm"});
constexpr auto kBackends = std::to_array<Names>({"sglang"});
constexpr auto kLaterBackends = std::to_array<Names>({"vllm", "trtllm", "mocker", "model"});
constexpr auto kBenchmarks = std::to_array<Names>({"mooncake-router"});
constexpr auto kLaterBenchmarks = std::to_array<Names>({"manual", "custom", "gpqa", "gsm8k", "lm-eval", "longbenchv2", "mmlu",
                                                        "router", "sa-bench", "sglang-bench", "trace-replay"});
constexpr auto kWorkloads = std::to_array<Names>({"conversation", "mooncake", "synthetic", "toolagent"});

constexpr auto kLaterTop = std::to_array<Names>(
    {"base", "container_mounts", "dynamo", "enable_config_dump", "extra_mount", "identity", "infra", "lock", "observability",
     "output", "profiling", "reporting", "sbatch_directives", "setup_script", "srun_options", "sweep", "telemetry"});
constexpr auto kLaterModel = std::to_array<Names>({"stage_dir"});
constexpr auto kLaterResources = std::to_array<Names>({"het_jobs", "spread_workers"});
constexpr auto kLaterFrontend =
    std::to_array<Names>({"ctx_router", "dedicated_node", "gen_router", "nginx_container", "nginx_keepalive_timeout",
                          "nginx_raise_ulimit", "nginx_session_affinity", "nginx_session_affinity_header",
                          "num_additional_frontends", "orchestrator_placement", "server_config_extra"});
constexpr auto kLaterBackend = std::to_array<Names>({"kv_events_config", "mooncake_kv_store", "trtllm_config", "vllm_config"});
constexpr auto kLaterBenchmark = std::to_array<Names>({"aiperf_args", "aiperf_package", "client", "client_dedicated_node",
                                                       "client_placement", "colocate_with_frontend", "command", "concurrencies",
                                                       "container_image", "env", "isl", "osl", "req_rate", "trace_file"});

const auto kRecipe = std::to_array<Field<Recipe>>({
    {"name", &Recipe::name, {.doc = "name of the job", .required = true, .check = &check_name}},
    {"environment", &Recipe::environment, {.doc = "environment variables of every worker"}},
});

const auto kModel = std::to_array<Field<Model>>({
    {"path",
     &Model::path,
     {.doc = "local folder with the model's weights, mounted as /model", .required = true, .check = &check_absolute_path}},
    {"container", &Model::container, {.doc = "container image of the workers", .required = true, .check = &check_word}},
    {"precision", &Model::precision, {.doc = "number format of the weights", .required = true, .choices = kPrecisions}},
});

const auto kResources = std::to_array<Field<Resources>>({
    {"gpu_type", &Resources::gpu_type, {.doc = "which GPU the nodes have", .required = true, .choices = kGpuTypes}},
    {"gpus_per_node", &Resources::gpus_per_node, {.doc = "GPUs of each node", .range = kNodeGpus}},
    {"agg_nodes", &Resources::agg_nodes, {.doc = "nodes of the aggregated workers", .range = kNodes}},
    {"agg_workers", &Resources::agg_workers, {.doc = "number of aggregated workers", .range = kWorkers}},
    {"gpus_per_agg",
     &Resources::gpus_per_agg,
     {.doc = "GPUs of each aggregated worker; without it agg_nodes * gpus_per_node / agg_workers, rounded down",
      .range = kWorkerGpus}},
    {"prefill_nodes", &Resources::prefill_nodes, {.doc = "nodes of the prefill workers", .range = kNodes}},
    {"prefill_workers", &Resources::prefill_workers, {.doc = "number of prefill workers", .range = kWorkers}},
    {"gpus_per_prefill",
     &Resources::gpus_per_prefill,
     {.doc = "GPUs of each prefill worker; without it prefill_nodes * gpus_per_node / prefill_workers, rounded down",
      .range = kWorkerGpus}},
    {"decode_nodes",
     &Resources::decode_nodes,
     {.doc = "nodes of the decode workers; 0: they share the prefill nodes", .range = kSharedNodes}},
    {"decode_workers", &Resources::decode_workers, {.doc = "number of decode workers", .range = kWorkers}},
    {"gpus_per_decode",
     &Resources::gpus_per_decode,
     {.doc = "GPUs of each decode worker; without it decode_nodes * gpus_per_node / decode_workers, rounded down, and with "
             "decode_nodes 0 as many as a prefill worker",
      .range = kWorkerGpus}},
});

const auto kSlurm = std::to_array<Field<Slurm>>({
    {"account", &Slurm::account, {.doc = "account of the job", .check = &check_word}},
    {"partition", &Slurm::partition, {.doc = "partition of the job", .check = &check_word}},
    {"time_limit", &Slurm::time_limit, {.doc = "longest run time, as Slurm writes it: 01:30:00", .check = &check_time_limit}},
});

const auto kFrontend = std::to_array<Field<Frontend>>({
    {"type",
     &Frontend::type,
     {.doc = "the router: sglang (sglang-router) or srtctl (our own)",
      .required = true,
      .choices = kFrontends,
      .later = kLaterFrontends}},
    {"enable_multiple_frontends",
     &Frontend::enable_multiple_frontends,
     {.doc = "several routers behind nginx; only false is supported yet"}},
    {"args", &Frontend::args, {.doc = "command-line flags of the router; policy is the one that matters most"}},
    {"env", &Frontend::env, {.doc = "environment variables of the router"}},
});

const auto kBackend = std::to_array<Field<Backend>>({
    {"type", &Backend::type, {.doc = "the engine of the workers", .choices = kBackends, .later = kLaterBackends}},
    {"prefill_environment", &Backend::prefill_environment, {.doc = "environment variables of prefill workers"}},
    {"decode_environment", &Backend::decode_environment, {.doc = "environment variables of decode workers"}},
    {"aggregated_environment", &Backend::aggregated_environment, {.doc = "environment variables of aggregated workers"}},
});

const auto kEngineConfig = std::to_array<Field<EngineConfig>>({
    {"prefill", &EngineConfig::prefill, {.doc = "server flags of prefill workers"}},
    {"decode", &EngineConfig::decode, {.doc = "server flags of decode workers"}},
    {"aggregated", &EngineConfig::aggregated, {.doc = "server flags of aggregated workers"}},
});

const auto kBenchmark = std::to_array<Field<Benchmark>>({
    {"type",
     &Benchmark::type,
     {.doc = "what is measured", .required = true, .choices = kBenchmarks, .later = kLaterBenchmarks}},
    {"mooncake_workload", &Benchmark::mooncake_workload, {.doc = "which Mooncake trace is replayed", .choices = kWorkloads}},
    {"ttft_threshold_ms",
     &Benchmark::ttft_threshold_ms,
     {.doc = "limit of the time to first token, in milliseconds",
      .range = kThreshold,
      .range_hint = "leave the key out for the default of 2000"}},
    {"itl_threshold_ms",
     &Benchmark::itl_threshold_ms,
     {.doc = "limit of a request's mean inter-token latency, in milliseconds",
      .range = kThreshold,
      .range_hint = "leave the key out for the default of 25"}},
});

const auto kHealthCheck = std::to_array<Field<HealthCheck>>({
    {"max_attempts",
     &HealthCheck::max_attempts,
     {.doc = "how often readiness is asked for before giving up", .range = kAttempts}},
    {"interval_seconds", &HealthCheck::interval_seconds, {.doc = "seconds between two of them", .range = kSeconds}},
});

const auto kEngine = std::to_array<Field<Engine>>({
    {"kv_tokens",
     &Engine::kv_tokens,
     {.doc = "tokens of KV that fit on one worker; without it computed from GPU, model and memory fraction",
      .range = {.least = 1, .most = 1e12}}},
    {"link_gbps",
     &Engine::link_gbps,
     {.doc = "speed of each GPU's link to other nodes, in gigabits per second (400 Gbit/s = 50 GB/s)",
      .range = {.least = 0, .most = 1e6, .above = true}}},
    {"link_us", &Engine::link_us, {.doc = "latency of that link, in microseconds", .range = {.least = 0, .most = 1e6}}},
});

template <class S, std::size_t N>
BoundSection section_of(std::string_view key, std::string_view doc, bool required, const std::array<Field<S>, N>& table,
                        S& section, std::span<const std::string_view> later = {}) {
  BoundSection bound{.key = key, .doc = doc, .required = required, .later = later};
  for (const Field<S>& field : table) {
    const Slot slot = std::visit([&](auto member) -> Slot { return &(section.*member); }, field.member);
    bound.fields.push_back({field.key, slot, field.rule});
  }
  return bound;
}

}  // namespace

BoundSection bind_schema(Recipe& recipe) {
  BoundSection top = section_of("", "a recipe: what to deploy and what to measure", true, kRecipe, recipe, kLaterTop);
  BoundSection backend = section_of("backend", "the engine", true, kBackend, recipe.backend, kLaterBackend);
  backend.sections.push_back(section_of("sglang_config", "server flags of sglang, per role; '_' in a name is '-'", true,
                                        kEngineConfig, recipe.backend.sglang_config));
  top.sections.push_back(
      section_of("model", "the model's folder, container and precision", true, kModel, recipe.model, kLaterModel));
  top.sections.push_back(
      section_of("resources", "nodes, GPUs and workers", true, kResources, recipe.resources, kLaterResources));
  top.sections.push_back(section_of("slurm", "the Slurm job", false, kSlurm, recipe.slurm));
  top.sections.push_back(section_of("frontend", "the router", true, kFrontend, recipe.frontend, kLaterFrontend));
  top.sections.push_back(std::move(backend));
  top.sections.push_back(section_of("benchmark", "the measurement", true, kBenchmark, recipe.benchmark, kLaterBenchmark));
  top.sections.push_back(
      section_of("health_check", "waiting until the deployment is ready", false, kHealthCheck, recipe.health_check));
  top.sections.push_back(section_of("engine", "read by the engine model only: what a real engine finds out by itself", false,
                                    kEngine, recipe.engine));
  return top;
}

std::string_view type_name(const Slot& slot) {
  constexpr std::array<std::string_view, std::variant_size_v<Slot>> kNames{"text",
                                                                           "text",
                                                                           "an integer",
                                                                           "an integer",
                                                                           "a number",
                                                                           "true or false",
                                                                           "a mapping of texts",
                                                                           "a mapping of flags",
                                                                           "a mapping of flags"};
  return kNames[slot.index()];
}

}  // namespace infbench::recipe
