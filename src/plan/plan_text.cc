#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/plan_output.h"
#include "plan/words.h"

namespace infbench::plan {
namespace {

std::string port_text(int port) { return port == 0 ? "-" : std::to_string(port); }

std::string process_name(const WorkerProcess& process) {
  const std::string rank = process.rank > 0 ? fmt::format(" rank {}", process.rank) : "";
  return fmt::format("{} {}{}", name_of(process.role), process.index, rank);
}

const Node& node_of(const Plan& plan, int node) { return plan.inventory.nodes[static_cast<std::size_t>(node)]; }

// Columns that no process of this plan has a port for are left out.
struct Column {
  std::string_view title;
  int Ports::*port;
};
std::vector<Column> columns_of(const Plan& plan) {
  std::vector<Column> columns{{"http", &Ports::http}};
  for (const Column& column :
       {Column{"nccl", &Ports::nccl}, Column{"bootstrap", &Ports::bootstrap}, Column{"kv events", &Ports::kv_events}}) {
    const auto used = [&](const WorkerProcess& process) { return process.ports.*column.port != 0; };
    if (std::ranges::any_of(plan.processes, used)) columns.push_back(column);
  }
  return columns;
}

std::string table(const Plan& plan) {
  constexpr std::string_view kStart = "  {:<12} {:<16} {:<18} {:<16}";
  const std::vector<Column> columns = columns_of(plan);
  std::string out = fmt::format(kStart, "node", "address", "process", "GPUs");
  for (const Column& column : columns) out += fmt::format(" {:>9}", column.title);
  out += "\n";
  for (const WorkerProcess& process : plan.processes) {
    const Node& node = node_of(plan, process.node);
    const std::string gpus = fmt::format("{}", fmt::join(process.gpus, ","));
    out += fmt::format(kStart, node.name, node.address, process_name(process), gpus);
    for (const Column& column : columns) out += fmt::format(" {:>9}", port_text(process.ports.*column.port));
    const int meeting = plan.workers[process.worker.value].dist_init_port;
    if (process.rank == 0 && meeting != 0) out += fmt::format("  ranks meet at {}", meeting);
    out += "\n";
  }
  const Node& head = node_of(plan, plan.router.command.node);
  out += fmt::format(kStart, head.name, head.address, "router", "-") + fmt::format(" {:>9}", plan.router.port);
  if (plan.router.metrics_port != 0) out += fmt::format("  metrics at {}", plan.router.metrics_port);
  return out + "\n";
}

// What is started, then, where it is not the same, what runs on the node because of that.
std::string command(const Plan& plan, std::string_view what, const Command& command) {
  const bool direct = command.launch_argv == command.argv;
  const Environment environment = without_secrets(command.environment);
  return fmt::format("\n# {} on {}, log {}\n{}\n", what, node_of(plan, command.node).name, command.log,
                     shell_line(environment, without_secrets(direct ? command.argv : command.launch_argv)));
}

std::string expected_workers(const Readiness& readiness) {
  if (readiness.regular > 0) return fmt::format("{} workers", readiness.regular);
  return fmt::format("{} prefill and {} decode workers", readiness.prefill, readiness.decode);
}

std::string benchmark_text(const Plan& plan) {
  const Benchmark& b = plan.benchmark;
  if (!b.command) return fmt::format("\n# the deployment stays up at {} until it is stopped\n", b.url);
  const std::string_view node = node_of(plan, b.node).name;
  std::string out = fmt::format("\n# benchmark {} on {}", b.type, node);
  if (b.client != "custom") {
    out += fmt::format(": workload {} to {} as {}; good is TTFT <= {} ms and ITL <= {} ms", b.workload, b.url, b.model,
                       b.ttft_threshold_ms, b.itl_threshold_ms);
  }
  if (b.prepared_trace) {
    out += fmt::format("; its trace is made before: {} times as fast", b.prepared_trace->speed);
    if (b.prepared_trace->limit_seconds) out += fmt::format(", the first {} s", *b.prepared_trace->limit_seconds);
  }
  return out + "\n" + command(plan, "benchmark", *b.command).substr(1);
}

std::string step_text(const Plan& plan, const Step& step) {
  switch (step.kind) {
    case StepKind::worker: {
      const WorkerProcess& process = plan.processes[static_cast<std::size_t>(step.process)];
      return command(plan, process_name(process), process.command);
    }
    case StepKind::router: return command(plan, "router", plan.router.command);
    case StepKind::ready:
      return fmt::format("\n# ready when {} lists {}, all healthy, within {} s\n", plan.readiness.url,
                         expected_workers(plan.readiness), plan.readiness.timeout_s);
    case StepKind::stage_model: return command(plan, "copy of the model", plan.staging[static_cast<std::size_t>(step.process)]);
    case StepKind::warmup: return plan.benchmark.warmup ? command(plan, "warm-up", *plan.benchmark.warmup) : "";
    case StepKind::flush: return "\n# every worker forgets the warm-up: POST /flush_cache\n";
    case StepKind::benchmark: return benchmark_text(plan);
  }
  return {};
}

}  // namespace

std::string to_text(const Plan& plan) {
  std::string out = fmt::format("{}: {} on {} node{} with {} GPUs each\n", plan.recipe_name, expected_workers(plan.readiness),
                                plan.inventory.nodes.size(), plan.inventory.nodes.size() == 1 ? "" : "s", plan.gpus_per_node);
  if (plan.inventory.placeholders) out += "Names and addresses of nodes are placeholders.\n";
  out += "\n" + table(plan);
  for (const Step& step : plan.order) out += step_text(plan, step);
  return out;
}

}  // namespace infbench::plan
