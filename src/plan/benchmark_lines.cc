#include "plan/benchmark_lines.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_writer.h"
#include "plan/command_lines.h"
#include "plan/launch_line.h"
#include "plan/words.h"

namespace infbench::plan {
namespace {

using Words = std::vector<std::string>;

// Of the warm-up, as the reference has it; the lengths are aiperf's own defaults.
constexpr int kWarmupConcurrency = 10;
constexpr std::string_view kWarmupPrompts = "isl=550,osl=128";

bool is_replay(const recipe::Recipe& recipe) {
  return recipe.benchmark.type == "mooncake-router" || recipe.benchmark.type == "trace-replay";
}

std::string goodput(const recipe::Benchmark& benchmark) {
  return fmt::format("time_to_first_token:{} inter_token_latency:{}", benchmark.ttft_threshold_ms, benchmark.itl_threshold_ms);
}

int gpus_of(const Plan& plan) {
  std::size_t gpus = 0;
  for (const WorkerProcess& process : plan.processes) gpus += process.gpus.size();
  return static_cast<int>(gpus);
}

// What is replayed; of a plan that is only looked at the name of what will be.
std::string trace_file(const recipe::Recipe& recipe, const Site& site) {
  if (!site.trace_file.empty()) return site.trace_file;
  if (recipe.benchmark.type == "trace-replay") return recipe.benchmark.trace_file;
  return recipe.benchmark.mooncake_workload + "_trace.jsonl";
}

// The node of the reference's placement.
int client_node(const recipe::Recipe& recipe, const Plan& plan) {
  if (recipe.benchmark.client_placement != "last_decode") return 0;
  int node = 0;
  for (const Worker& worker : plan.workers) {
    if (worker.role != Role::prefill) node = worker.node;
  }
  return node;
}

// Where figures are to be had. sglang's workers have none unless told to; the reference's script asks ports on which nothing
// listens then.
Words metrics_urls(const recipe::Recipe& recipe, const Plan& plan) {
  Words urls;
  for (const Worker& worker : plan.workers) {
    const bool has = recipe.backend.type != "sglang" || recipe.group(worker.role).flags->truth("enable-metrics");
    if (has) urls.push_back(worker.url + "/metrics");
  }
  if (plan.router.metrics_port != 0) {
    const std::string& address = plan.inventory.nodes.front().address;
    urls.push_back(fmt::format("http://{}:{}/metrics", address, plan.router.metrics_port));
  }
  return urls;
}

void add_metrics(const Words& urls, Words& argv) {
  if (urls.empty()) return;
  argv.emplace_back("--server-metrics");
  append(argv, urls);
}

// ---- our own client: it runs without a container.

Words replay_start(const recipe::Recipe& recipe, const Site& site, const Benchmark& b) {
  Words argv{site.program, "replay", "-m", b.model};
  if (!b.tokenizer.empty()) add(argv, {"--tokenizer", b.tokenizer});
  add(argv, {"--url", b.url, "--streaming", "--random-seed", std::to_string(recipe.benchmark.seed)});
  return argv;
}

Words replay_warmup(const recipe::Recipe& recipe, const Site& site, const Benchmark& b) {
  Words argv = replay_start(recipe, site, b);
  add(argv, {"--synthetic", std::string(kWarmupPrompts), "--concurrency", std::to_string(kWarmupConcurrency)});
  add(argv, {"--request-count", std::to_string(recipe.benchmark.warmup_requests)});
  // It is not a measurement: what counts is that the requests are answered.
  add(argv, {"--max-lag-ms", "3600000", "--max-truncated-fraction", "1", "--no-server-metrics", "--ui", "simple"});
  add(argv, {"--artifact-dir", artifacts_dir(site) + "/warmup"});
  return argv;
}

Words replay_client(const recipe::Recipe& recipe, const Site& site, const Plan& plan, const Benchmark& b) {
  const recipe::Benchmark& wanted = recipe.benchmark;
  Words argv = replay_start(recipe, site, b);
  add(argv, {"--input-file", trace_file(recipe, site), "--custom-dataset-type", "mooncake_trace", "--fixed-schedule"});
  if (wanted.speed != 1) add(argv, {"--speed", shortest(wanted.speed)});
  if (wanted.limit_seconds) add(argv, {"--fixed-schedule-end-offset", shortest(*wanted.limit_seconds * 1000)});
  add(argv, {"--goodput", goodput(wanted), "--gpus", std::to_string(gpus_of(plan))});
  if (wanted.require) add(argv, {"--require", *wanted.require});
  add_metrics(b.metrics_urls, argv);
  add(argv, {"--ui", "simple", "--artifact-dir", b.artifacts_dir});
  return argv;
}

// ---- aiperf, as the reference's script starts it.

bool has(const recipe::Flags& flags, std::string_view name) { return flags.find(name) != nullptr; }

// Installs aiperf where it is missing. Constant text: package and command line are its arguments.
Words with_aiperf(const recipe::Recipe& recipe, Words argv) {
  Words words{"bash", "-c", R"(command -v "$1" >/dev/null || python3 -m pip install "$0" || exit; exec "$@")",
              recipe.benchmark.aiperf_package};
  append(words, std::move(argv));
  return words;
}

// A flag of aiperf_args takes the place of the same one here.
Words aiperf_start(const recipe::Recipe& recipe, const Site& site, const Benchmark& b, bool in_container) {
  Words argv{in_container ? "aiperf" : beside_python(site, "aiperf"), "profile", "-m", b.model};
  if (!has(recipe.benchmark.aiperf_args, "tokenizer")) add(argv, {"--tokenizer", b.tokenizer});
  return argv;
}

Words aiperf_warmup(const recipe::Recipe& recipe, const Site& site, const Benchmark& b, bool in_container) {
  Words argv = aiperf_start(recipe, site, b, in_container);
  const recipe::Flags& args = recipe.benchmark.aiperf_args;
  if (const auto given = args.text("tokenizer")) add(argv, {"--tokenizer", *given});
  if (args.truth("tokenizer-trust-remote-code")) argv.emplace_back("--tokenizer-trust-remote-code");
  add(argv, {"--url", b.url, "--streaming", "--ui", "simple", "--concurrency", std::to_string(kWarmupConcurrency)});
  add(argv, {"--request-count", std::to_string(recipe.benchmark.warmup_requests)});
  const std::string folder = in_container ? std::string(kArtifactsInContainer) : artifacts_dir(site);
  add(argv, {"--artifact-dir", folder + "/warmup"});
  return with_aiperf(recipe, std::move(argv));
}

// As many tokens as the trace says, unless the recipe speaks of it: beside its own inputs, or as the only one.
void add_ignore_eos(const recipe::Flags& args, Words& argv) {
  const std::string kFlag = "--extra-inputs";
  const std::string kInput = "ignore_eos:true";
  const recipe::Flag* extra = args.find("extra-inputs");
  if (extra != nullptr && recipe::to_json(extra->value).find("ignore_eos") != std::string::npos) return;
  const auto at = std::ranges::find(argv, kFlag);
  if (at == argv.end()) return add(argv, {kFlag, kInput});
  argv.insert(at + 1, kInput);
}

Words aiperf_client(const recipe::Recipe& recipe, const Site& site, const Benchmark& b, bool in_container) {
  const recipe::Flags& args = recipe.benchmark.aiperf_args;
  const std::string trace = trace_file(recipe, site);
  const std::string run = b.artifacts_dir.substr(b.artifacts_dir.rfind('/'));
  Words argv = aiperf_start(recipe, site, b, in_container);
  add(argv, {"--input-file", in_container ? trace_in_container(trace) : trace});
  add(argv, {"--custom-dataset-type", "mooncake_trace", "--fixed-schedule", "--url", b.url, "--streaming"});
  add(argv, {"--random-seed", std::to_string(recipe.benchmark.seed)});
  if (!has(args, "ui") && !has(args, "ui-type")) add(argv, {"--ui", "simple"});
  add(argv, {"--artifact-dir", in_container ? std::string(kArtifactsInContainer) + run : b.artifacts_dir});
  if (!has(args, "server-metrics") && !has(args, "no-server-metrics")) add_metrics(b.metrics_urls, argv);
  add(argv, {"--goodput", goodput(recipe.benchmark)});
  append(argv, recipe::to_argv(args));
  add_ignore_eos(args, argv);
  return with_aiperf(recipe, std::move(argv));
}

Environment client_environment(const recipe::Recipe& recipe, const Benchmark& b) {
  Environment environment;
  if (b.client == "aiperf") set_variable(environment, "AIPERF_HTTP_SO_RCVTIMEO", "120");
  const std::string key = router_key(recipe);
  if (b.client == "srtctl" && !key.empty()) set_variable(environment, kKeyVariable, key);
  for (const auto& [name, value] : recipe.benchmark.env) set_variable(environment, name, value);
  return environment;
}

// What the reference tells a command of the user's.
Environment custom_environment(const recipe::Recipe& recipe, const Site& site, const Plan& plan, const Benchmark& b) {
  Environment environment{{"SRTCTL_FRONTEND_TYPE", recipe.frontend.type},
                          {"SRT_FRONTEND_HOST", plan.inventory.nodes.front().address},
                          {"SRT_FRONTEND_PORT", std::to_string(plan.router.port)},
                          {"SRTCTL_OUTPUT_DIR", site.output_dir}};
  if (!b.metrics_urls.empty()) {
    set_variable(environment, "AIPERF_SERVER_METRICS_URLS", fmt::format("{}", fmt::join(b.metrics_urls, ",")));
  }
  constexpr std::pair<Role, std::string_view> kRoles[] = {
      {Role::prefill, "PREFILL"}, {Role::decode, "DECODE"}, {Role::aggregated, "AGG"}};
  for (const auto& [role, name] : kRoles) {
    Words endpoints;
    for (const Worker& worker : plan.workers) {
      if (worker.role == role) endpoints.push_back(worker.url.substr(std::string_view("http://").size()));
    }
    if (!endpoints.empty()) {
      set_variable(environment, fmt::format("SRT_{}_ENDPOINTS", name), fmt::format("{}", fmt::join(endpoints, ",")));
    }
  }
  for (const auto& [name, value] : recipe.benchmark.env) set_variable(environment, name, value);
  return environment;
}

std::string client_of(const recipe::Recipe& recipe) {
  if (is_replay(recipe)) return recipe.benchmark.client;
  return recipe.benchmark.type == "custom" ? "custom" : "";
}

// Our own client runs without one: nodes need nothing but this program for it.
std::string container_of(const recipe::Recipe& recipe, const std::string& client) {
  if (client != "aiperf" && client != "custom") return {};
  const std::string& own = recipe.benchmark.container_image;
  return own.empty() ? recipe.model.container : own;
}

std::string tokenizer_of(const recipe::Recipe& recipe, const std::string& client, bool in_container) {
  const ModelPlace place = model_place(recipe);
  if (client == "aiperf") return place.path(in_container);
  // The engine model counts words of the built-in list; of a model on the hub there is no folder to read.
  return place.is_read && place.name.empty() ? recipe.model.path : std::string();
}

Command command_of(const recipe::Recipe& recipe, const Site& site, const Plan& plan, const Benchmark& b, std::string name,
                   Words argv) {
  Command command;
  command.name = std::move(name);
  command.node = b.node;
  command.argv = std::move(argv);
  command.environment = b.client == "custom" ? custom_environment(recipe, site, plan, b) : client_environment(recipe, b);
  if (b.client == "srtctl") command.unset = keys_of_others(recipe);
  command.container = container_of(recipe, b.client);
  bring_to_node(recipe, site, plan.inventory.nodes[static_cast<std::size_t>(b.node)], Kind::client, command);
  return command;
}

void add_commands(const recipe::Recipe& recipe, const Site& site, const Plan& plan, Benchmark& b) {
  const bool in_container = uses_containers(site, container_of(recipe, b.client));
  const auto make = [&](std::string name, Words argv) {
    return command_of(recipe, site, plan, b, std::move(name), std::move(argv));
  };
  const bool warm = is_replay(recipe) && recipe.benchmark.warmup_requests > 0;
  if (b.client == "srtctl") {
    if (warm) b.warmup = make("warmup", replay_warmup(recipe, site, b));
    b.command = make("benchmark", replay_client(recipe, site, plan, b));
  } else if (b.client == "aiperf") {
    if (warm) b.warmup = make("warmup", aiperf_warmup(recipe, site, b, in_container));
    b.command = make("benchmark", aiperf_client(recipe, site, b, in_container));
  } else if (b.client == "custom") {
    b.command = make("benchmark", {"bash", "-c", recipe.benchmark.command});
  }
}

// One word for a folder's name.
std::string folder_name(const std::string& model, const std::string& what) {
  const std::string last = model.substr(model.rfind('/') + 1);
  return last + "_" + what;
}

}  // namespace

std::optional<PreparedTrace> prepared_trace(const recipe::Recipe& recipe) {
  const recipe::Benchmark& wanted = recipe.benchmark;
  if (!is_replay(recipe) || wanted.client != "aiperf" || (wanted.speed == 1 && !wanted.limit_seconds)) return {};
  return PreparedTrace{.speed = wanted.speed, .limit_seconds = wanted.limit_seconds};
}

Benchmark make_benchmark(const recipe::Recipe& recipe, const Site& site, const Plan& plan) {
  const recipe::Benchmark& wanted = recipe.benchmark;
  Benchmark b;
  b.type = wanted.type;
  b.client = client_of(recipe);
  b.workload = wanted.type == "trace-replay" ? "trace" : wanted.mooncake_workload;
  b.ttft_threshold_ms = wanted.ttft_threshold_ms;
  b.itl_threshold_ms = wanted.itl_threshold_ms;
  b.url = plan.router.url;
  b.model = recipe.served_model_name();
  b.tokenizer = tokenizer_of(recipe, b.client, uses_containers(site, container_of(recipe, b.client)));
  b.artifacts_dir = artifacts_dir(site);
  if (is_replay(recipe)) b.artifacts_dir += "/" + folder_name(b.model, b.workload);
  b.node = client_node(recipe, plan);
  b.metrics_urls = metrics_urls(recipe, plan);
  b.prepared_trace = prepared_trace(recipe);
  add_commands(recipe, site, plan, b);
  return b;
}

}  // namespace infbench::plan
