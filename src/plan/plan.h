// Plan: a recipe laid out on nodes, as data: every process with its node, GPUs, ports, command line and environment, in the
// order of start, what "ready" means, and what the benchmark measures. Nothing is started here.
//
// make_plan() is pure; a Plan is a value, immutable after that, usable from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "recipe/recipe.h"

namespace infbench::plan {

using Environment = std::vector<std::pair<std::string, std::string>>;

// The machines that a plan is laid out on, all alike. The first is the head: router and benchmark run there.
struct Node {
  std::string name;
  std::string address;
};
struct Inventory {
  std::vector<Node> nodes;
  bool placeholders = false;  // names and addresses are made up, for looking at a plan without a cluster
};

// node01=10.0.0.1, node02=10.0.0.2, ...
Inventory placeholder_inventory(int nodes);

struct Ports {
  int http = 0;
  int nccl = 0;
  int bootstrap = 0;  // prefill workers only; 0: none
};

// One worker process on one node. A worker larger than a node has one on each of its nodes, of which rank 0 serves HTTP.
struct WorkerProcess {
  WorkerId worker;  // over all roles, in order of placement
  Role role = Role::aggregated;
  int index = 0;          // among the workers of its role
  int rank = 0;           // among the nodes of its worker
  int node = 0;           // index into Plan::inventory.nodes
  std::vector<int> gpus;  // on that node
  Ports ports;
  std::vector<std::string> argv;
  Environment environment;
};

// A worker as a whole: what the virtual cluster models.
struct Worker {
  WorkerId id;
  Role role = Role::aggregated;
  int index = 0;  // among the workers of its role
  int tensor_parallel = 1;
  int node = 0;  // where its rank 0 is
  int nodes = 1;
  std::vector<int> gpus;  // on each of its nodes
  std::string url;
  int bootstrap_port = 0;  // 0: none
};

struct RouterProcess {
  int node = 0;
  int port = 0;
  std::string url;
  std::vector<std::string> argv;
  Environment environment;
};

// The deployment is ready when the router lists at least these workers, each of them healthy.
struct Readiness {
  std::string url;
  int prefill = 0;
  int decode = 0;
  int regular = 0;
  std::int64_t interval_s = 0;
  std::int64_t timeout_s = 0;
};

struct Benchmark {
  std::string type;
  std::string workload;
  std::int64_t ttft_threshold_ms = 0;
  std::int64_t itl_threshold_ms = 0;
  int node = 0;
  std::string url;
  std::string model;      // the name in requests
  std::string tokenizer;  // its folder on the node
};

enum class StepKind : std::uint8_t { worker, router, ready, benchmark };
struct Step {
  StepKind kind = StepKind::worker;
  int process = 0;  // index into Plan::processes, for workers
};

struct Plan {
  std::string recipe_name;
  Inventory inventory;
  int gpus_per_node = 0;
  std::vector<Worker> workers;           // in order of WorkerId
  std::vector<WorkerProcess> processes;  // in order of (worker, rank)
  RouterProcess router;
  Readiness readiness;
  Benchmark benchmark;
  std::vector<Step> order;  // of start
};

// Lays out `recipe` (as read_recipe() returned it) on the first recipe.nodes() nodes. The only error: the inventory has fewer.
Result<Plan> make_plan(const recipe::Recipe& recipe, const Inventory& inventory);

}  // namespace infbench::plan
