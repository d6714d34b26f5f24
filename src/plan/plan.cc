#include "plan/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "plan/benchmark_lines.h"
#include "plan/command_lines.h"
#include "plan/launch_line.h"
#include "plan/ports.h"
#include "recipe/topology.h"

namespace infbench::plan {
namespace {

bool one_host(const Site& site) { return site.shared_host || site.launcher == LauncherKind::local; }

// Gives out ports in the order of the processes (ports.h).
class PortBook {
 public:
  PortBook(const recipe::Recipe& recipe, const Site& site, int nodes)
      : recipe_(recipe), site_(site), loads_(static_cast<std::size_t>(nodes)) {}

  Ports next(Role role, WorkerId worker, int node) {
    const int process = processes_++;
    const bool vllm = recipe_.backend.type == "vllm";
    Ports ports;
    if (one_host(site_)) {
      const int base = shared_process_base(site_.port_base, process);
      ports = {.http = base, .nccl = base + 1, .bootstrap = base + 2, .kv_events = base + 3};
    } else {
      Load& load = loads_[static_cast<std::size_t>(node)];
      ports = {.http = http_port(load.workers++),
               .nccl = nccl_port(static_cast<int>(worker.value)),
               .bootstrap = role == Role::prefill ? bootstrap_port(load.prefill_workers++) : 0,
               .kv_events = kv_events_port(process)};
    }
    if (vllm) ports.nccl = 0;
    if (role != Role::prefill) ports.bootstrap = 0;
    if (!publishes(role)) ports.kv_events = 0;
    return ports;
  }

  // Of the worker whose first process is next.
  int dist_init() const {
    return one_host(site_) ? shared_process_base(site_.port_base, processes_) + kSharedProcessPorts - 1 : kDistInitPort;
  }

 private:
  struct Load {
    int workers = 0;
    int prefill_workers = 0;
  };
  bool publishes(Role role) const {
    const recipe::Backend& backend = recipe_.backend;
    if (role == Role::prefill) return backend.prefill_kv_events.has_value();
    return role == Role::decode ? backend.decode_kv_events.has_value() : backend.aggregated_kv_events.has_value();
  }

  const recipe::Recipe& recipe_;
  const Site& site_;
  std::vector<Load> loads_;
  int processes_ = 0;
};

recipe::Topology topology_of(const recipe::Recipe& recipe) {
  std::vector<recipe::WorkersAsked> asked;
  for (const recipe::WorkerGroup& group : recipe.groups()) asked.push_back({group.role, group.workers, group.gpus_per_worker});
  return recipe::place_workers(asked, recipe.nodes(), static_cast<int>(recipe.resources.gpus_per_node),
                               recipe.resources.spread_workers);
}

const Node& node_of(const Plan& plan, int node) { return plan.inventory.nodes[static_cast<std::size_t>(node)]; }

Command worker_command(const recipe::Recipe& recipe, const recipe::WorkerGroup& group, const WorkerProcess& process,
                       const Worker& worker, const Plan& plan) {
  const Node& node = node_of(plan, process.node);
  Command command;
  command.name = fmt::format("{}_{}_w{}", node.name, name_of(process.role), process.index);
  command.node = process.node;
  command.argv = worker_argv(recipe, plan.site, group, process, worker, node_of(plan, worker.node).address);
  command.environment = worker_environment(recipe, group, process, node);
  command.container = recipe.model.container;
  bring_to_node(recipe, plan.site, node, Kind::worker, command);
  return command;
}

void add_worker(const recipe::Recipe& recipe, const recipe::PlacedWorker& placed, PortBook& book, Plan& plan) {
  const recipe::WorkerGroup group = recipe.group(placed.role);
  Worker worker{.id = {static_cast<std::uint32_t>(plan.workers.size())},
                .role = placed.role,
                .index = placed.index,
                .tensor_parallel = recipe.engine_flags(placed.role).tensor_parallel_size,
                .node = placed.first_node,
                .nodes = placed.nodes,
                .gpus = placed.gpus,
                .url = {},
                .dist_init_port = placed.nodes > 1 ? book.dist_init() : 0};
  for (int rank = 0; rank < placed.nodes; ++rank) {
    const int node = placed.first_node + rank;
    WorkerProcess process{.worker = worker.id,
                          .role = placed.role,
                          .index = placed.index,
                          .rank = rank,
                          .node = node,
                          .gpus = placed.gpus,
                          .ports = book.next(placed.role, worker.id, node),
                          .command = {}};
    process.command = worker_command(recipe, group, process, worker, plan);
    if (rank == 0) {
      worker.url = fmt::format("http://{}:{}", node_of(plan, placed.first_node).address, process.ports.http);
      worker.bootstrap_port = process.ports.bootstrap;
      worker.kv_events_port = process.ports.kv_events;
    }
    plan.processes.push_back(std::move(process));
  }
  plan.workers.push_back(std::move(worker));
}

int count(const Plan& plan, Role role) { return static_cast<int>(std::ranges::count(plan.workers, role, &Worker::role)); }

void add_router(const recipe::Recipe& recipe, Plan& plan) {
  const Site& site = plan.site;
  const Node& head = plan.inventory.nodes.front();
  RouterProcess& router = plan.router;
  const bool ours = recipe.frontend.type == "srtctl";
  router.port = one_host(site) ? site.port_base : kRouterPort;
  const auto given = static_cast<int>(recipe.frontend.args.integer("prometheus-port").value_or(kRouterMetricsPort));
  router.metrics_port = one_host(site) ? site.port_base + 1 : given;
  router.url = fmt::format("http://{}:{}", head.address, router.port);
  router.api_key = router_key(recipe);
  router.command.name = "router";
  router.command.argv = router_argv(recipe, site, router, plan.workers);
  router.command.environment = router_environment(recipe);
  router.command.unset = keys_of_others(recipe);
  if (!ours) router.command.container = recipe.model.container;
  bring_to_node(recipe, site, head, Kind::router, router.command);
  const recipe::HealthCheck& check = recipe.health_check;
  plan.readiness = {.url = router.url + "/workers",
                    .prefill = count(plan, Role::prefill),
                    .decode = count(plan, Role::decode),
                    .regular = count(plan, Role::aggregated),
                    .timeout_s = check.interval_seconds * check.max_attempts};
}

// To every node, or once where all of them are one host.
void add_staging(const recipe::Recipe& recipe, Plan& plan) {
  const ModelPlace place = model_place(recipe);
  if (!recipe.model.stage_dir.has_value() || !place.name.empty() || !place.is_read) return;
  const std::size_t hosts = one_host(plan.site) ? 1 : plan.inventory.nodes.size();
  for (std::size_t i = 0; i < hosts; ++i) {
    Command command;
    command.name = "stage_" + plan.inventory.nodes[i].name;
    command.node = static_cast<int>(i);
    command.argv = staging_argv(recipe);
    bring_to_node(recipe, plan.site, plan.inventory.nodes[i], Kind::staging, command);
    plan.staging.push_back(std::move(command));
  }
}

std::vector<Step> order_of(const Plan& plan) {
  std::vector<Step> order;
  for (std::size_t i = 0; i < plan.staging.size(); ++i) order.push_back({StepKind::stage_model, static_cast<int>(i)});
  for (std::size_t i = 0; i < plan.processes.size(); ++i) order.push_back({StepKind::worker, static_cast<int>(i)});
  order.push_back({StepKind::router, 0});
  order.push_back({StepKind::ready, 0});
  if (plan.benchmark.warmup) {
    order.push_back({StepKind::warmup, 0});
    order.push_back({StepKind::flush, 0});
  }
  order.push_back({StepKind::benchmark, 0});
  return order;
}

}  // namespace

Inventory placeholder_inventory(int nodes) {
  Inventory inventory;
  inventory.placeholders = true;
  for (int i = 1; i <= nodes; ++i) {
    inventory.nodes.push_back({.name = fmt::format("node{:02}", i), .address = fmt::format("10.0.{}.{}", i / 256, i % 256)});
  }
  return inventory;
}

Inventory one_host_inventory(int nodes, const std::string& address) {
  Inventory inventory;
  for (int i = 1; i <= nodes; ++i) inventory.nodes.push_back({.name = fmt::format("node{:02}", i), .address = address});
  return inventory;
}

int shared_ports(const recipe::Recipe& recipe) {
  int processes = 0;
  for (const recipe::PlacedWorker& placed : topology_of(recipe).workers) processes += placed.nodes;
  return shared_process_base(0, processes);
}

Result<Plan> make_plan(const recipe::Recipe& recipe, const Inventory& inventory, const Site& site) {
  const auto nodes = static_cast<std::size_t>(recipe.nodes());
  if (inventory.nodes.size() < nodes) {
    return fail(fmt::format("the recipe asks for {} nodes, found {}", nodes, inventory.nodes.size()),
                "ask for fewer nodes, or give it more");
  }
  constexpr int kLastPort = 65535;
  if (one_host(site) && site.port_base + shared_ports(recipe) - 1 > kLastPort) {
    return fail(
        fmt::format("{} ports from {} on are needed, which ends above {}", shared_ports(recipe), site.port_base, kLastPort),
        "ask for fewer workers on one host");
  }
  Plan plan;
  plan.recipe_name = recipe.name;
  plan.log_dir = log_dir(recipe, site);
  plan.site = site;
  plan.inventory = inventory;
  plan.inventory.nodes.resize(nodes);
  plan.gpus_per_node = static_cast<int>(recipe.resources.gpus_per_node);
  PortBook book(recipe, site, static_cast<int>(nodes));
  for (const recipe::PlacedWorker& placed : topology_of(recipe).workers) add_worker(recipe, placed, book, plan);
  add_router(recipe, plan);
  add_staging(recipe, plan);
  plan.benchmark = make_benchmark(recipe, site, plan);
  plan.order = order_of(plan);
  return plan;
}

}  // namespace infbench::plan
