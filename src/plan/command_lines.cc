#include "plan/command_lines.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_writer.h"
#include "plan/launch_line.h"
#include "plan/ports.h"
#include "plan/words.h"

namespace infbench::plan {
namespace {

constexpr std::string_view kHubPrefix = "hf:";
constexpr std::string_view kAnyAddress = "0.0.0.0";

recipe::Flags without(const recipe::Flags& flags, std::span<const std::string_view> names) {
  std::vector<recipe::Flag> rest;
  const auto stays = [&](const recipe::Flag& flag) { return std::ranges::find(names, flag.name) == names.end(); };
  std::ranges::copy_if(flags, std::back_inserter(rest), stays);
  return recipe::Flags(std::move(rest));
}

std::string last_part(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

bool is_vllm(const recipe::Recipe& recipe) { return recipe.backend.type == "vllm"; }
bool is_model(const recipe::Recipe& recipe) { return recipe.backend.type == "model"; }

std::string kv_events_config(const recipe::Recipe& recipe, const Site& site, const recipe::KvEvents& events, int port) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (is_vllm(recipe)) json.member("enable_kv_cache_events", true);  // without it vLLM publishes nothing
  json.member("publisher", std::string_view(events.publisher));
  json.member("topic", std::string_view(events.topic));
  json.member("endpoint", std::string_view(fmt::format("tcp://{}:{}", site.bind == kAnyAddress ? "*" : site.bind, port)));
  json.end_object();
  return out;
}

const std::optional<recipe::KvEvents>& kv_events_of(const recipe::Backend& backend, Role role) {
  if (role == Role::prefill) return backend.prefill_kv_events;
  return role == Role::decode ? backend.decode_kv_events : backend.aggregated_kv_events;
}

void add_kv_events(const recipe::Recipe& recipe, const Site& site, const WorkerProcess& process,
                   std::vector<std::string>& argv) {
  if (process.ports.kv_events == 0) return;
  const auto& events = kv_events_of(recipe.backend, process.role);
  add(argv,
      {"--kv-events-config", kv_events_config(recipe, site, events.value_or(recipe::KvEvents{}), process.ports.kv_events)});
}

// What policies that estimate seconds have to be told of the workers, and the limits that they look at. What the recipe itself
// says in frontend.args holds. sglang-router has a default policy of its own; ours is named so that the line says what will
// happen.
void add_policy_facts(const recipe::Recipe& recipe, std::vector<std::string>& argv) {
  const auto fact = [&](const std::string& flag, const std::string& value) {
    if (recipe.frontend.args.find(flag) == nullptr) add(argv, {"--" + flag, value});
  };
  const Role first = recipe.disaggregated() ? Role::prefill : Role::aggregated;
  const recipe::EngineFlags flags = recipe.engine_flags(first);
  const recipe::EngineFlags decode = recipe.disaggregated() ? recipe.engine_flags(Role::decode) : flags;
  fact("policy", recipe.policy(Stage::whole));
  fact("gpu", recipe.resources.gpu_type);
  fact("model", recipe.served_model_name());
  fact("precision", recipe.model.precision);
  fact("engine", is_vllm(recipe) ? "vllm" : "sglang");
  fact("tp", std::to_string(flags.tensor_parallel_size));
  if (decode.tensor_parallel_size != flags.tensor_parallel_size) fact("decode-tp", std::to_string(decode.tensor_parallel_size));
  if (recipe.engine.kv_tokens) {
    fact("kv-tokens", std::to_string(*recipe.engine.kv_tokens));
  } else if (flags.mem_fraction_static) {
    fact("mem-fraction-static", shortest(*flags.mem_fraction_static));
  }
  if (recipe.backend.type == "model" && recipe.engine.time_scale != 1) fact("time-scale", shortest(recipe.engine.time_scale));
  // Policies reckon in such chunks; and it takes room from the KV.
  fact("chunked-prefill-size", std::to_string(flags.chunked_prefill_size.value_or(-1)));
  fact("ttft-ms", std::to_string(recipe.benchmark.ttft_threshold_ms));
  fact("itl-ms", std::to_string(recipe.benchmark.itl_threshold_ms));
}

// Where the workers with a prefix cache publish what it holds, if the recipe asks them to, and how that reads.
void add_kv_sources(const recipe::Recipe& recipe, std::span<const Worker> workers, std::vector<std::string>& argv) {
  const Role first = recipe.disaggregated() ? Role::prefill : Role::aggregated;
  const auto& events = kv_events_of(recipe.backend, first);
  if (!events) return;
  argv.emplace_back("--kv-events");
  for (const Worker& worker : workers) {
    if (worker.role != first) continue;
    const std::size_t host = worker.url.find("://") + 3;
    argv.push_back(fmt::format("tcp://{}:{}", worker.url.substr(host, worker.url.rfind(':') - host), worker.kv_events_port));
  }
  add(argv,
      {"--kv-events-topic", events->topic, "--kv-events-page-size", std::to_string(recipe.engine_flags(first).page_size)});
  if (is_model(recipe)) add(argv, {"--kv-events-text"});
}

bool polls_loads(const recipe::Recipe& recipe) {
  const auto polls = [&](Stage stage) { return recipe.policy(stage) == "power_of_two"; };
  return recipe.disaggregated() ? polls(Stage::prefill) || polls(Stage::decode) : polls(Stage::whole);
}

// What the engine model has to be told, and a real engine finds out by itself.
void add_engine_model(const recipe::Recipe& recipe, std::vector<std::string>& argv) {
  const recipe::Engine& engine = recipe.engine;
  add(argv, {"--gpu", recipe.resources.gpu_type, "--precision", recipe.model.precision});
  if (engine.kv_tokens) add(argv, {"--kv-tokens", std::to_string(*engine.kv_tokens)});
  if (recipe.disaggregated()) {
    add(argv, {"--kv-link-gbps", shortest(engine.link_gbps), "--kv-link-us", shortest(engine.link_us)});
  }
  if (engine.time_scale != 1) add(argv, {"--time-scale", shortest(engine.time_scale)});
}

std::vector<std::string> sglang_argv(const recipe::Recipe& recipe, const Site& site, const recipe::WorkerGroup& group,
                                     const WorkerProcess& process, const Worker& worker, const std::string& leader) {
  // Flags that the plan sets itself and a recipe may repeat.
  constexpr std::array<std::string_view, 2> kOurs{"served-model-name", "disaggregation-mode"};
  const bool in_container = uses_containers(site, recipe.model.container);
  std::vector<std::string> argv;
  if (is_model(recipe)) {
    add(argv, {program_path(site, in_container), "serve"});
  } else {
    add(argv, {in_container ? "python3" : site.python, "-m", "sglang.launch_server"});
  }
  add(argv, {"--model-path", model_place(recipe).path(in_container), "--served-model-name", recipe.served_model_name()});
  add(argv, {"--host", site.bind, "--port", std::to_string(process.ports.http)});
  if (process.ports.nccl != 0) add(argv, {"--nccl-port", std::to_string(process.ports.nccl)});
  if (process.role != Role::aggregated) add(argv, {"--disaggregation-mode", std::string(name_of(process.role))});
  if (process.ports.bootstrap != 0) add(argv, {"--disaggregation-bootstrap-port", std::to_string(process.ports.bootstrap)});
  if (worker.nodes > 1) {
    add(argv, {"--dist-init-addr", fmt::format("{}:{}", leader, worker.dist_init_port), "--nnodes",
               std::to_string(worker.nodes), "--node-rank", std::to_string(process.rank)});
  }
  if (is_model(recipe)) add_engine_model(recipe, argv);
  add_kv_events(recipe, site, process, argv);
  append(argv, recipe::to_argv(without(*group.flags, kOurs)));
  return argv;
}

// Since vLLM 0.11 `vllm serve` spreads a worker over nodes by --nnodes; only its rank 0 has an API.
std::vector<std::string> vllm_argv(const recipe::Recipe& recipe, const Site& site, const recipe::WorkerGroup& group,
                                   const WorkerProcess& process, const Worker& worker, const std::string& leader) {
  const bool in_container = uses_containers(site, recipe.model.container);
  std::vector<std::string> argv{in_container ? "vllm" : beside_python(site, "vllm"), "serve",
                                model_place(recipe).path(in_container)};
  if (group.flags->find("served-model-name") == nullptr) add(argv, {"--served-model-name", recipe.served_model_name()});
  add(argv, {"--host", site.bind, "--port", std::to_string(process.ports.http)});
  if (worker.nodes > 1) {
    add(argv, {"--nnodes", std::to_string(worker.nodes), "--node-rank", std::to_string(process.rank), "--master-addr", leader,
               "--master-port", std::to_string(worker.dist_init_port)});
    if (process.rank > 0) add(argv, {"--headless"});
  }
  add_kv_events(recipe, site, process, argv);
  append(argv, recipe::to_argv(*group.flags));
  return argv;
}

}  // namespace

std::string ModelPlace::path(bool in_container) const {
  if (!name.empty()) return name;
  return in_container ? "/model" : folder;
}

ModelPlace model_place(const recipe::Recipe& recipe) {
  ModelPlace place;
  place.is_read = !is_model(recipe);
  const std::string& path = recipe.model.path;
  if (path.starts_with(kHubPrefix)) {
    place.name = path.substr(kHubPrefix.size());
  } else if (recipe.model.stage_dir.has_value() && place.is_read) {
    place.folder = *recipe.model.stage_dir + "/" + last_part(path);
  } else {
    place.folder = path;
  }
  return place;
}

bool uses_containers(const Site& site, const std::string& image) {
  return site.launcher == LauncherKind::slurm && !image.empty();
}

std::string program_path(const Site& site, bool in_container) { return in_container ? "/srtctl/bin/srtctl" : site.program; }

std::string beside_python(const Site& site, const std::string& program) {
  const std::size_t slash = site.python.rfind('/');
  return slash == std::string::npos ? program : site.python.substr(0, slash + 1) + program;
}

std::vector<std::string> worker_argv(const recipe::Recipe& recipe, const Site& site, const recipe::WorkerGroup& group,
                                     const WorkerProcess& process, const Worker& worker, const std::string& leader) {
  std::vector<std::string> argv = is_vllm(recipe) ? vllm_argv(recipe, site, group, process, worker, leader)
                                                  : sglang_argv(recipe, site, group, process, worker, leader);
  if (recipe.setup_script.empty()) return argv;
  const std::string configs = uses_containers(site, recipe.model.container) ? "/configs" : configs_dir(recipe, site);
  std::vector<std::string> with_setup{"bash", "-c", R"(bash "$0" && exec "$@")", configs + "/" + recipe.setup_script};
  append(with_setup, std::move(argv));
  return with_setup;
}

std::vector<std::string> router_argv(const recipe::Recipe& recipe, const Site& site, const RouterProcess& router,
                                     std::span<const Worker> workers) {
  constexpr std::array<std::string_view, 2> kOursWhenShared{"prometheus-host", "prometheus-port"};
  constexpr std::array<std::string_view, 1> kInEnvironment{"api-key"};
  const bool ours = recipe.frontend.type == "srtctl";
  const bool shared = site.shared_host || site.launcher == LauncherKind::local;
  const std::string python = uses_containers(site, recipe.model.container) ? "python" : site.python;
  std::vector<std::string> argv = ours ? std::vector<std::string>{site.program, "route"}
                                       : std::vector<std::string>{python, "-m", "sglang_router.launch_router"};
  argv.emplace_back(recipe.disaggregated() ? "--pd-disaggregation" : "--worker-urls");
  for (const Worker& worker : workers) {
    if (worker.role == Role::prefill) add(argv, {"--prefill", worker.url, std::to_string(worker.bootstrap_port)});
    if (worker.role == Role::decode) add(argv, {"--decode", worker.url});
    if (worker.role == Role::aggregated) argv.push_back(worker.url);
  }
  add(argv, {"--host", site.bind, "--port", std::to_string(router.port)});
  // sglang-router's own defaults are these where nothing is shared; ours listens on loopback unless it is told.
  const auto metrics = [&](const std::string& flag, const std::string& value) {
    if (shared || (ours && recipe.frontend.args.find(flag) == nullptr)) add(argv, {"--" + flag, value});
  };
  metrics("prometheus-host", site.bind);
  metrics("prometheus-port", std::to_string(router.metrics_port));
  if (ours) add_policy_facts(recipe, argv);
  if (ours) add_kv_sources(recipe, workers, argv);
  // Until all workers have answered, sglang-router looks at them this often; its own default, 30 s, would be our lag. Under
  // power_of_two it is also how often it asks for their loads: that stays as it is shipped, and as simulate takes it to be.
  constexpr std::string_view kStartupInterval = "worker-startup-check-interval";
  const bool given = recipe.frontend.args.find(kStartupInterval) != nullptr;
  if (!ours && !given && !polls_loads(recipe)) add(argv, {fmt::format("--{}", kStartupInterval), "1"});
  const recipe::Flags args = ours ? without(recipe.frontend.args, kInEnvironment) : recipe.frontend.args;
  append(argv, recipe::to_argv(shared ? without(args, kOursWhenShared) : args));
  return argv;
}

Environment worker_environment(const recipe::Recipe& recipe, const recipe::WorkerGroup& group, const WorkerProcess& process,
                               const Node& node) {
  Environment environment;
  for (const auto& [name, value] : *group.environment) set_variable(environment, name, templated(value, node, process.node));
  for (const auto& [name, value] : recipe.environment) set_variable(environment, name, templated(value, node, process.node));
  // A worker that has the whole node sees all GPUs anyway.
  if (static_cast<std::int64_t>(process.gpus.size()) < recipe.resources.gpus_per_node) {
    std::vector<std::string> gpus;
    for (const int gpu : process.gpus) {
      const auto index = static_cast<std::size_t>(gpu);
      gpus.push_back(index < node.gpus.size() ? node.gpus[index] : std::to_string(gpu));
    }
    set_variable(environment, "CUDA_VISIBLE_DEVICES", fmt::format("{}", fmt::join(gpus, ",")));
  }
  return environment;
}

Environment router_environment(const recipe::Recipe& recipe) {
  Environment environment;
  // sglang-router fetches the tokenizer of the model that its workers name from the hub, which the engine model has no use for.
  if (is_model(recipe) && recipe.frontend.type == "sglang") set_variable(environment, "HF_HUB_OFFLINE", "1");
  for (const auto& [name, value] : recipe.frontend.env) set_variable(environment, name, value);
  const std::string key = router_key(recipe);
  if (recipe.frontend.type == "srtctl" && !key.empty()) set_variable(environment, kKeyVariable, key);
  return environment;
}

std::string router_key(const recipe::Recipe& recipe) {
  if (const auto key = recipe.frontend.args.text("api-key")) return *key;
  const auto& variables = recipe.frontend.env;
  const auto own = std::ranges::find(variables, kKeyVariable, &recipe::StringMap::value_type::first);
  return recipe.frontend.type == "srtctl" && own != variables.end() ? own->second : std::string();
}

std::vector<std::string> keys_of_others(const recipe::Recipe& recipe) {
  return router_key(recipe).empty() ? std::vector<std::string>{kKeyVariable} : std::vector<std::string>{};
}

std::vector<std::string> staging_argv(const recipe::Recipe& recipe) {
  return {"bash", "-c", R"(mkdir -p "$1" && exec rsync -a "$0/" "$1/")", recipe.model.path, model_place(recipe).folder};
}

}  // namespace infbench::plan
