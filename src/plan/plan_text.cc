#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/command_lines.h"
#include "plan/plan_output.h"

namespace infbench::plan {
namespace {

std::string port_text(int port) { return port == 0 ? "-" : std::to_string(port); }

std::string process_name(const WorkerProcess& process) {
  const std::string rank = process.rank > 0 ? fmt::format(" rank {}", process.rank) : "";
  return fmt::format("{} {}{}", name_of(process.role), process.index, rank);
}

const Node& node_of(const Plan& plan, int node) { return plan.inventory.nodes[static_cast<std::size_t>(node)]; }

std::string table(const Plan& plan) {
  constexpr std::string_view kRow = "  {:<12} {:<16} {:<18} {:<16} {:>6} {:>6} {:>9}\n";
  std::string out = fmt::format(kRow, "node", "address", "process", "GPUs", "http", "nccl", "bootstrap");
  for (const WorkerProcess& process : plan.processes) {
    const Node& node = node_of(plan, process.node);
    out += fmt::format(kRow, node.name, node.address, process_name(process), fmt::format("{}", fmt::join(process.gpus, ",")),
                       port_text(process.ports.http), port_text(process.ports.nccl), port_text(process.ports.bootstrap));
  }
  const Node& head = node_of(plan, plan.router.command.node);
  return out + fmt::format(kRow, head.name, head.address, "router", "-", port_text(plan.router.port), "-", "-");
}

std::string command(const Plan& plan, int node, std::string_view name, const Environment& environment,
                    const std::vector<std::string>& argv) {
  return fmt::format("\n# {} on {}\n{}\n", name, node_of(plan, node).name, shell_line(environment, argv));
}

std::string expected_workers(const Readiness& readiness) {
  if (readiness.regular > 0) return fmt::format("{} workers", readiness.regular);
  return fmt::format("{} prefill and {} decode workers", readiness.prefill, readiness.decode);
}

std::string step_text(const Plan& plan, const Step& step) {
  switch (step.kind) {
    case StepKind::worker: {
      const WorkerProcess& process = plan.processes[static_cast<std::size_t>(step.process)];
      return command(plan, process.node, process_name(process), process.command.environment, process.command.argv);
    }
    case StepKind::router:
      return command(plan, plan.router.command.node, "router", plan.router.command.environment, plan.router.command.argv);
    case StepKind::ready:
      return fmt::format("\n# ready when {} lists {}, all healthy, within {} s\n", plan.readiness.url,
                         expected_workers(plan.readiness), plan.readiness.timeout_s);
    case StepKind::stage_model:
    case StepKind::warmup:
    case StepKind::flush: break;
    case StepKind::benchmark: {
      const Benchmark& b = plan.benchmark;
      return fmt::format("# benchmark {} on {}: workload {} to {} as {}; good is TTFT <= {} ms and ITL <= {} ms\n", b.type,
                         node_of(plan, 0).name, b.workload, b.url, b.model, b.ttft_threshold_ms, b.itl_threshold_ms);
    }
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
