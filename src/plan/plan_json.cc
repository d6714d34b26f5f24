#include "plan/plan_output.h"
#include "plan/words.h"

namespace infbench::plan {
namespace {

const std::string& node_name(const Plan& plan, int node) { return plan.inventory.nodes[static_cast<std::size_t>(node)].name; }

void write_words(JsonWriter& json, std::string_view key, const std::vector<std::string>& words) {
  json.key(key);
  json.begin_array();
  for (const std::string& word : without_secrets(words)) json.value(std::string_view(word));
  json.end_array();
}

void write_environment(JsonWriter& json, const Environment& environment) {
  json.key("environment");
  json.begin_object();
  for (const auto& [name, value] : without_secrets(environment)) json.member(name, std::string_view(value));
  json.end_object();
}

void write_command(const Plan& plan, const Command& command, JsonWriter& json) {
  json.begin_object();
  json.member("name", std::string_view(command.name));
  json.member("node", std::string_view(node_name(plan, command.node)));
  json.member("log", std::string_view(command.log));
  json.member("container", std::string_view(command.container));
  write_words(json, "mounts", command.mounts);
  write_words(json, "argv", command.argv);
  write_environment(json, command.environment);
  write_words(json, "unset", command.unset);
  write_words(json, "launch_argv", command.launch_argv);
  json.end_object();
}

void write_command(const Plan& plan, std::string_view key, const std::optional<Command>& command, JsonWriter& json) {
  json.key(key);
  if (command) {
    write_command(plan, *command, json);
  } else {
    json.null();
  }
}

void write_gpus(JsonWriter& json, const std::vector<int>& gpus) {
  json.key("gpus");
  json.begin_array();
  for (const int gpu : gpus) json.value(gpu);
  json.end_array();
}

// A port that is not used is null.
void write_port(JsonWriter& json, std::string_view key, int port) {
  json.key(key);
  if (port == 0) {
    json.null();
  } else {
    json.value(port);
  }
}

void write_inventory(const Plan& plan, JsonWriter& json) {
  json.member("placeholder_nodes", plan.inventory.placeholders);
  json.key("nodes");
  json.begin_array();
  for (const Node& node : plan.inventory.nodes) {
    json.begin_object();
    json.member("name", std::string_view(node.name));
    json.member("address", std::string_view(node.address));
    json.member("gpus", plan.gpus_per_node);
    json.end_object();
  }
  json.end_array();
}

void write_process(const Plan& plan, const WorkerProcess& process, JsonWriter& json) {
  json.begin_object();
  json.member("worker", process.worker.value);
  json.member("role", name_of(process.role));
  json.member("index", process.index);
  json.member("rank", process.rank);
  json.member("node", std::string_view(node_name(plan, process.node)));
  write_gpus(json, process.gpus);
  json.key("ports");
  json.begin_object();
  write_port(json, "http", process.ports.http);
  write_port(json, "nccl", process.ports.nccl);
  write_port(json, "bootstrap", process.ports.bootstrap);
  write_port(json, "kv_events", process.ports.kv_events);
  const int dist_init = plan.workers[process.worker.value].dist_init_port;
  write_port(json, "dist_init", process.rank == 0 ? dist_init : 0);
  json.end_object();
  json.key("command");
  write_command(plan, process.command, json);
  json.end_object();
}

void write_router(const Plan& plan, JsonWriter& json) {
  json.key("router");
  json.begin_object();
  json.member("node", std::string_view(node_name(plan, plan.router.command.node)));
  json.member("port", plan.router.port);
  write_port(json, "metrics_port", plan.router.metrics_port);
  json.member("url", std::string_view(plan.router.url));
  json.key("command");
  write_command(plan, plan.router.command, json);
  json.end_object();
}

void write_readiness(const Readiness& readiness, JsonWriter& json) {
  json.key("readiness");
  json.begin_object();
  json.member("url", std::string_view(readiness.url));
  json.member("prefill", readiness.prefill);
  json.member("decode", readiness.decode);
  json.member("regular", readiness.regular);
  json.member("timeout_s", readiness.timeout_s);
  json.end_object();
}

void write_benchmark(const Plan& plan, JsonWriter& json) {
  const Benchmark& benchmark = plan.benchmark;
  json.key("benchmark");
  json.begin_object();
  json.member("type", std::string_view(benchmark.type));
  json.member("client", std::string_view(benchmark.client));
  json.member("workload", std::string_view(benchmark.workload));
  json.member("ttft_threshold_ms", benchmark.ttft_threshold_ms);
  json.member("itl_threshold_ms", benchmark.itl_threshold_ms);
  json.member("node", std::string_view(node_name(plan, benchmark.node)));
  json.member("url", std::string_view(benchmark.url));
  json.member("model", std::string_view(benchmark.model));
  json.member("tokenizer", std::string_view(benchmark.tokenizer));
  json.member("artifacts_dir", std::string_view(benchmark.artifacts_dir));
  write_words(json, "metrics_urls", benchmark.metrics_urls);
  json.key("prepared_trace");
  if (benchmark.prepared_trace) {
    json.begin_object();
    json.member("speed", benchmark.prepared_trace->speed);
    json.member("limit_seconds", benchmark.prepared_trace->limit_seconds);
    json.end_object();
  } else {
    json.null();
  }
  write_command(plan, "warmup", benchmark.warmup, json);
  write_command(plan, "command", benchmark.command, json);
  json.end_object();
}

void write_order(const Plan& plan, JsonWriter& json) {
  json.key("order");
  json.begin_array();
  for (const Step& step : plan.order) {
    json.begin_object();
    switch (step.kind) {
      case StepKind::worker:
        json.member("start", "process");
        json.member("process", step.process);
        break;
      case StepKind::router: json.member("start", "router"); break;
      case StepKind::stage_model:
        json.member("start", "staging");
        json.member("process", step.process);
        break;
      case StepKind::warmup: json.member("start", "warmup"); break;
      case StepKind::flush: json.member("do", "flush"); break;
      case StepKind::ready: json.member("wait", "readiness"); break;
      case StepKind::benchmark: json.member("start", "benchmark"); break;
    }
    json.end_object();
  }
  json.end_array();
}

void write_site(const Site& site, JsonWriter& json) {
  json.key("site");
  json.begin_object();
  json.member("launcher", site.launcher == LauncherKind::local ? "local" : "slurm");
  json.member("bind", std::string_view(site.bind));
  json.member("one_host", site.shared_host || site.launcher == LauncherKind::local);
  json.member("job", std::string_view(site.job));
  json.member("output_dir", std::string_view(site.output_dir));
  json.end_object();
}

}  // namespace

void write_json(const Plan& plan, JsonWriter& json) {
  json.begin_object();
  json.member("name", std::string_view(plan.recipe_name));
  write_site(plan.site, json);
  write_inventory(plan, json);
  json.key("processes");
  json.begin_array();
  for (const WorkerProcess& process : plan.processes) write_process(plan, process, json);
  json.end_array();
  json.key("staging");
  json.begin_array();
  for (const Command& command : plan.staging) write_command(plan, command, json);
  json.end_array();
  write_router(plan, json);
  write_readiness(plan.readiness, json);
  write_benchmark(plan, json);
  write_order(plan, json);
  json.end_object();
}

}  // namespace infbench::plan
