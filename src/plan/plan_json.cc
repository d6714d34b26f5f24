#include "plan/plan_output.h"

namespace infbench::plan {
namespace {

const std::string& node_name(const Plan& plan, int node) { return plan.inventory.nodes[static_cast<std::size_t>(node)].name; }

void write_words(JsonWriter& json, std::string_view key, const std::vector<std::string>& words) {
  json.key(key);
  json.begin_array();
  for (const std::string& word : words) json.value(std::string_view(word));
  json.end_array();
}

void write_environment(JsonWriter& json, const Environment& environment) {
  json.key("environment");
  json.begin_object();
  for (const auto& [name, value] : environment) json.member(name, std::string_view(value));
  json.end_object();
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
  json.end_object();
  write_words(json, "argv", process.command.argv);
  write_environment(json, process.command.environment);
  json.end_object();
}

void write_router(const Plan& plan, JsonWriter& json) {
  json.key("router");
  json.begin_object();
  json.member("node", std::string_view(node_name(plan, plan.router.command.node)));
  json.member("port", plan.router.port);
  json.member("url", std::string_view(plan.router.url));
  write_words(json, "argv", plan.router.command.argv);
  write_environment(json, plan.router.command.environment);
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
  json.member("workload", std::string_view(benchmark.workload));
  json.member("ttft_threshold_ms", benchmark.ttft_threshold_ms);
  json.member("itl_threshold_ms", benchmark.itl_threshold_ms);
  json.member("node", std::string_view(node_name(plan, 0)));
  json.member("url", std::string_view(benchmark.url));
  json.member("model", std::string_view(benchmark.model));
  json.member("tokenizer", std::string_view(benchmark.tokenizer));
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
      case StepKind::warmup:
      case StepKind::flush: break;
      case StepKind::ready: json.member("wait", "readiness"); break;
      case StepKind::benchmark: json.member("start", "benchmark"); break;
    }
    json.end_object();
  }
  json.end_array();
}

}  // namespace

void write_json(const Plan& plan, JsonWriter& json) {
  json.begin_object();
  json.member("name", std::string_view(plan.recipe_name));
  write_inventory(plan, json);
  json.key("processes");
  json.begin_array();
  for (const WorkerProcess& process : plan.processes) write_process(plan, process, json);
  json.end_array();
  write_router(plan, json);
  write_readiness(plan.readiness, json);
  write_benchmark(plan, json);
  write_order(plan, json);
  json.end_object();
}

}  // namespace infbench::plan
