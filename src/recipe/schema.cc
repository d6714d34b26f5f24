#include "recipe/schema.h"

#include "recipe/schema_field.h"
#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

constexpr Range kNodes{.least = 1, .most = 1024};
constexpr Range kSharedNodes{.least = 0, .most = 1024};
constexpr Range kWorkers{.least = 1, .most = 32768};
constexpr Range kWorkerGpus{.least = 1, .most = 32768};
// 32 keeps the ports of the workers on one node clear of each other (plan/ports.h).
constexpr Range kNodeGpus{.least = 1, .most = 32};
constexpr Range kAttempts{.least = 1, .most = 1'000'000};
constexpr Range kSeconds{.least = 1, .most = 86'400};

constexpr auto kPrecisions = std::to_array<std::string_view>({"bf16", "fp16", "fp8", "fp4", "nvfp4", "mxfp4", "int8", "int4"});
constexpr auto kGpuTypes =
    std::to_array<std::string_view>({"a100", "h20", "h100", "h200", "b200", "b300", "gb200", "gb300", "l40s", "mi300x"});

constexpr auto kRefusedTop = std::to_array<Refused>({
    {"dynamo", "there is no Dynamo here, frontends are sglang and srtctl"},
    {"enable_config_dump", "only Dynamo's workers dump their configuration; the plan has every flag"},
    {"host_setup", "put such commands into default_bash_preamble of srtslurm.yaml"},
    {"identity", "what ran is written down in the output folder, not compared"},
    {"infra", "no NATS and no etcd are started"},
    {"observability", "there is no scraper of metrics and no dashboard"},
    {"profiling", "profilers are not started"},
    {"reporting", "nothing is uploaded or sent anywhere"},
    {"roles", "recipes of the second schema are not read; write resources and backend"},
    {"services", "further services are not started"},
    {"telemetry", "there is no exporter of GPU metrics"},
});
constexpr auto kIgnoredTop = std::to_array<std::string_view>({"lock"});
constexpr auto kRefusedResources = std::to_array<Refused>({
    {"het_jobs", "heterogeneous jobs are not submitted; all nodes are alike"},
});

constexpr auto kOwnedDirectives = std::to_array<Refused>({
    {"account", "use slurm.account"},
    {"array", "submit the recipe several times"},
    {"gpus-per-node", "use resources.gpus_per_node"},
    {"job-name", "use name"},
    {"nodes", "it follows from resources"},
    {"ntasks", "it follows from resources"},
    {"ntasks-per-node", "there is one"},
    {"output", "logs are in the output folder"},
    {"error", "logs are in the output folder"},
    {"partition", "use slurm.partition"},
    {"signal", "srtctl collects its results before the time limit"},
    {"time", "use slurm.time_limit"},
    {"wait", "use submit --wait"},
    {"wrap", "srtctl writes the batch script"},
});
constexpr auto kOwnedOptions = std::to_array<Refused>({
    {"container-image", "use model.container"},
    {"container-mounts", "use container_mounts"},
    {"error", "logs are in the output folder"},
    {"export", "use environment"},
    {"job-name", "it is the process's, by which signals find it"},
    {"jobid", "it is the job's"},
    {"nodelist", "it follows from resources"},
    {"nodes", "it follows from resources"},
    {"ntasks", "it follows from resources"},
    {"output", "logs are in the output folder"},
});

const auto kRecipe = std::to_array<Field<Recipe>>({
    {"name", &Recipe::name, {.doc = "name of the job", .required = true, .check = &check_name}},
    {"environment",
     &Recipe::environment,
     {.doc = "environment variables of every worker; `{node}` and `{node_id}` in a value are the worker's node and its number "
             "from 0, other braces stay"}},
    {"container_mounts",
     &Recipe::container_mounts,
     {.doc = "folders of the node mounted into every container: folder on the node, folder in the container",
      .check = &check_absolute_path,
      .key_check = &check_absolute_path,
      .expand = true}},
    {"extra_mount",
     &Recipe::extra_mount,
     {.doc = "the same as a list of `node-folder:container-folder`, with `:ro` behind it for reading only",
      .check = &check_mount,
      .expand = true}},
    {"srun_options",
     &Recipe::srun_options,
     {.doc = "further long options of every `srun` of the run: of workers, router, client and staging; an empty value gives "
             "the bare option",
      .check = &check_line,
      .key_check = &check_option,
      .owned_keys = kOwnedOptions}},
    {"sbatch_directives",
     &Recipe::sbatch_directives,
     {.doc = "further `#SBATCH --key=value` lines; an empty value gives the bare option",
      .check = &check_line,
      .key_check = &check_option,
      .owned_keys = owned_directives()}},
    {"setup_script",
     &Recipe::setup_script,
     {.doc = "a file of the folder configs/, run in every worker's container before the worker; empty: none",
      .check = &check_file_name}},
});

const auto kModel = std::to_array<Field<Model>>({
    {"path",
     &Model::path,
     {.doc =
          "local folder with the model's weights, mounted as /model; or `hf:org/name`, which the engine fetches; or an alias "
          "of model_paths in srtslurm.yaml",
      .required = true,
      .check = &check_model_path,
      .aliases = &Cluster::model_paths,
      .expand = true}},
    {"container",
     &Model::container,
     {.doc = "container image of the workers: of a registry, a file, or an alias of containers in srtslurm.yaml; empty: "
             "processes run on the nodes as they are",
      .check = &check_image,
      .aliases = &Cluster::containers,
      .expand = true}},
    {"precision", &Model::precision, {.doc = "number format of the weights", .required = true, .choices = kPrecisions}},
    {"stage_dir",
     &Model::stage_dir,
     {.doc = "folder on each node that the model is copied to before the workers start; without it it is read where it is",
      .check = &check_absolute_path,
      .expand = true}},
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
    {"spread_workers",
     &Resources::spread_workers,
     {.doc = "every worker begins on a node of its own, even if several would fit on one"}},
});

const auto kSlurm = std::to_array<Field<Slurm>>({
    {"account",
     &Slurm::account,
     {.doc = "account of the job; without it default_account of srtslurm.yaml", .check = &check_word}},
    {"partition", &Slurm::partition, {.doc = "partition of the job; without it default_partition", .check = &check_word}},
    {"time_limit",
     &Slurm::time_limit,
     {.doc = "longest run time, as Slurm writes it: `01:30:00`; without it default_time_limit", .check = &check_time_limit}},
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
    {"layerwise_kv",
     &Engine::layerwise_kv,
     {.doc = "prefill workers send the KV of a layer as soon as it is computed, not that of a step at its end"}},
    {"time_scale",
     &Engine::time_scale,
     {.doc = "backend.type model only: all of the engine's times are divided by it, so that a test need not take an hour",
      .range = {.least = 1e-3, .most = 1e3}}},
    {"view_delay_ms",
     &Engine::view_delay_ms,
     {.doc = "simulate only: how many milliseconds late the router hears of what workers do (first tokens, ends)",
      .range = {.least = 0, .most = 1e6}}},
    {"ignore_prefix_attention",
     &Engine::ignore_prefix_attention,
     {.doc = "simulate only: leave out attention over tokens whose KV is there (cached, or of an earlier chunk), as Dynamo's "
             "mocker "
             "does"}},
    {"announced_output",
     &Engine::announced_output,
     {.doc = "simulate only: the router is told that every answer may have so many tokens; without it, what it will have",
      .range = {.least = 1, .most = 1e7}}},
});

const auto kOutput = std::to_array<Field<Output>>({
    {"log_dir",
     &Output::log_dir,
     {.doc = "folder of the job's logs: an absolute one, or one below the job's output folder; `{job_id}` in it is the job's; "
             "without it logs",
      .check = &check_log_dir,
      .expand = true}},
});

}  // namespace

std::span<const Refused> owned_directives() { return kOwnedDirectives; }

BoundSection bind_health_check(std::string_view key, HealthCheck& health_check) {
  return section_of(key, "waiting until the deployment is ready", false, kHealthCheck, health_check);
}

BoundSection bind_schema(Recipe& recipe) {
  BoundSection top = section_of("", "a recipe: what to deploy and what to measure", true, kRecipe, recipe, kRefusedTop);
  top.ignored = kIgnoredTop;
  top.sections.push_back(section_of("model", "the model's folder, container and precision", true, kModel, recipe.model));
  top.sections.push_back(
      section_of("resources", "nodes, GPUs and workers", true, kResources, recipe.resources, kRefusedResources));
  top.sections.push_back(section_of("slurm", "the Slurm job", false, kSlurm, recipe.slurm));
  top.sections.push_back(bind_frontend(recipe.frontend));
  top.sections.push_back(bind_backend(recipe.backend));
  top.sections.push_back(bind_benchmark(recipe.benchmark));
  top.sections.push_back(bind_health_check("health_check", recipe.health_check));
  top.sections.push_back(section_of("output", "where files go", false, kOutput, recipe.output));
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
                                                                           "a number",
                                                                           "true or false",
                                                                           "a mapping of texts",
                                                                           "a list of texts",
                                                                           "a mapping of flags",
                                                                           "a mapping of flags",
                                                                           "true, false or a mapping of roles"};
  return kNames[slot.index()];
}

}  // namespace infbench::recipe
