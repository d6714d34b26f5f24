#include "plan/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "plan/command_lines.h"
#include "plan/ports.h"
#include "recipe/topology.h"

namespace infbench::plan {
namespace {

// What is on a node so far.
struct NodeLoad {
  int workers = 0;
  int prefill_workers = 0;
};

recipe::Topology topology_of(const recipe::Recipe& recipe) {
  std::vector<recipe::WorkersAsked> asked;
  for (const recipe::WorkerGroup& group : recipe.groups()) asked.push_back({group.role, group.workers, group.gpus_per_worker});
  return recipe::place_workers(asked, recipe.nodes(), static_cast<int>(recipe.resources.gpus_per_node));
}

Ports next_ports(NodeLoad& load, Role role, WorkerId worker) {
  Ports ports{.http = http_port(load.workers++), .nccl = nccl_port(static_cast<int>(worker.value))};
  if (role == Role::prefill) ports.bootstrap = bootstrap_port(load.prefill_workers++);
  return ports;
}

void add_worker(const recipe::Recipe& recipe, const recipe::PlacedWorker& placed, std::vector<NodeLoad>& loads, Plan& plan) {
  const recipe::WorkerGroup group = recipe.group(placed.role);
  const Node& leader = plan.inventory.nodes[static_cast<std::size_t>(placed.first_node)];
  Worker worker{.id = {static_cast<std::uint32_t>(plan.workers.size())},
                .role = placed.role,
                .index = placed.index,
                .tensor_parallel = recipe.engine_flags(placed.role).tensor_parallel_size,
                .node = placed.first_node,
                .nodes = placed.nodes,
                .gpus = placed.gpus,
                .url = {}};
  for (int rank = 0; rank < placed.nodes; ++rank) {
    const int node = placed.first_node + rank;
    WorkerProcess process{.worker = worker.id,
                          .role = placed.role,
                          .index = placed.index,
                          .rank = rank,
                          .node = node,
                          .gpus = placed.gpus,
                          .ports = next_ports(loads[static_cast<std::size_t>(node)], placed.role, worker.id),
                          .command = {}};
    process.command.node = node;
    process.command.argv = worker_argv(recipe, group, process, worker, leader.address);
    process.command.environment =
        worker_environment(recipe, group, process, plan.inventory.nodes[static_cast<std::size_t>(node)]);
    process.command.launch_argv = process.command.argv;
    if (rank == 0) {
      worker.url = fmt::format("http://{}:{}", leader.address, process.ports.http);
      worker.bootstrap_port = process.ports.bootstrap;
    }
    plan.processes.push_back(std::move(process));
  }
  plan.workers.push_back(std::move(worker));
}

int count(const Plan& plan, Role role) { return static_cast<int>(std::ranges::count(plan.workers, role, &Worker::role)); }

void add_router(const recipe::Recipe& recipe, Plan& plan) {
  plan.router.port = kRouterPort;
  plan.router.url = fmt::format("http://{}:{}", plan.inventory.nodes.front().address, kRouterPort);
  plan.router.command.name = "router";
  plan.router.command.argv = router_argv(recipe, plan.workers);
  plan.router.command.environment = recipe.frontend.env;
  plan.router.command.launch_argv = plan.router.command.argv;
  const recipe::HealthCheck& check = recipe.health_check;
  plan.readiness = {.url = plan.router.url + "/workers",
                    .prefill = count(plan, Role::prefill),
                    .decode = count(plan, Role::decode),
                    .regular = count(plan, Role::aggregated),
                    .timeout_s = check.interval_seconds * check.max_attempts};
}

void add_benchmark(const recipe::Recipe& recipe, Plan& plan) {
  plan.benchmark = {.type = recipe.benchmark.type,
                    .workload = recipe.benchmark.mooncake_workload,
                    .ttft_threshold_ms = recipe.benchmark.ttft_threshold_ms,
                    .itl_threshold_ms = recipe.benchmark.itl_threshold_ms,
                    .url = plan.router.url,
                    .model = recipe.served_model_name(),
                    .tokenizer = "/model",
                    .artifacts_dir = {},
                    .warmup = {},
                    .command = {}};
}

}  // namespace

Inventory placeholder_inventory(int nodes) {
  Inventory inventory;
  inventory.placeholders = true;
  for (int i = 1; i <= nodes; ++i) {
    inventory.nodes.push_back({fmt::format("node{:02}", i), fmt::format("10.0.{}.{}", i / 256, i % 256)});
  }
  return inventory;
}

Result<Plan> make_plan(const recipe::Recipe& recipe, const Inventory& inventory, const Site& site) {
  const auto nodes = static_cast<std::size_t>(recipe.nodes());
  if (inventory.nodes.size() < nodes) {
    return fail(fmt::format("the recipe asks for {} nodes, found {}", nodes, inventory.nodes.size()),
                "ask for fewer nodes, or give it more");
  }
  Plan plan;
  plan.recipe_name = recipe.name;
  plan.site = site;
  plan.inventory = inventory;
  plan.inventory.nodes.resize(nodes);
  plan.gpus_per_node = static_cast<int>(recipe.resources.gpus_per_node);
  std::vector<NodeLoad> loads(nodes);
  for (const recipe::PlacedWorker& placed : topology_of(recipe).workers) add_worker(recipe, placed, loads, plan);
  add_router(recipe, plan);
  add_benchmark(recipe, plan);
  for (std::size_t i = 0; i < plan.processes.size(); ++i) plan.order.push_back({StepKind::worker, static_cast<int>(i)});
  for (const StepKind kind : {StepKind::router, StepKind::ready, StepKind::benchmark}) plan.order.push_back({kind, 0});
  return plan;
}

}  // namespace infbench::plan
