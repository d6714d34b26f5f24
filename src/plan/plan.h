// Plan: a recipe laid out on nodes, as data: every process with its node, GPUs,
// ports, command line and environment, in the order of start, what "ready"
// means, and what the benchmark measures. Nothing is started here.
//
// make_plan() is pure; a Plan is a value, immutable after that, usable from any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "recipe/cluster.h"
#include "recipe/recipe.h"

namespace infbench::plan {

using Environment = std::vector<std::pair<std::string, std::string>>;

// The machines that a plan is laid out on, all alike. The first is the head:
// router and benchmark run there.
struct Node {
  std::string name;
  std::string address;
  std::vector<std::string> gpus = {};  // as CUDA_VISIBLE_DEVICES names those of the job there; empty: "0", "1", ...
};
struct Inventory {
  std::vector<Node> nodes;
  bool placeholders = false;  // names and addresses are made up, for looking at
                              // a plan without a cluster
};

// node01=10.0.0.1, node02=10.0.0.2, ...
Inventory placeholder_inventory(int nodes);
// node01, node02, ..., all of them at `address`: nodes of a plan whose processes all run on one host.
Inventory one_host_inventory(int nodes, const std::string& address);

struct Ports {
  int http = 0;
  int nccl = 0;       // 0: the engine takes none
  int bootstrap = 0;  // prefill workers only; 0: none
  int kv_events = 0;  // workers that publish them only; 0: none
};

enum class LauncherKind : std::uint8_t { slurm, local };  // in or for a Slurm allocation, or as processes of this machine

// Where and how a plan is going to run: what it depends on besides recipe and
// nodes.
struct Site {
  LauncherKind launcher = LauncherKind::slurm;
  std::string bind = "0.0.0.0";  // where workers and router listen
  // All nodes are one host: one port space for all, of shared_ports() ports from `port_base` on. The local launcher always has
  // that.
  bool shared_host = false;
  int port_base = 0;
  std::string job = "JOB";                 // "12345"; as it is of a plan that is only looked at
  std::string output_dir = "outputs/JOB";  // of this job, absolute when it runs
  std::string program = "srtctl";          // this program, where the nodes find it
  std::string data_dir;  // the engine model's data, mounted into containers that run it; empty: it is beside the program
  std::string python = "python3";  // of processes without a container; `aiperf` and `vllm` are looked for beside it
  std::string trace_dir = {};      // where a batch job looks for traces; empty: where its own environment says
  std::string trace_file;          // what the benchmark replays; empty: of a plan that
                                   // is only looked at
  std::string working_dir =
      ".";  // has configs/ for a setup_script where the cluster names no srtctl_root; absolute when it runs
  recipe::Cluster cluster;
};

// One process: what is started, where, and how.
struct Command {
  std::string name;               // "node01_agg_w0", "router", "warmup", "benchmark"; its log
                                  // is logs/NAME.out
  int node = 0;                   // index into Plan::inventory.nodes
  std::vector<std::string> argv;  // what runs on the node, inside its container if it has one
  Environment environment;        // added to that of the program that starts it
  // Variables that the program that starts it must not hand on: options of the job's own srun that would become this step's, a
  // key that is not this run's.
  std::vector<std::string> unset;
  std::string container;            // image; empty: none
  std::vector<std::string> mounts;  // "host:container"
  std::string log;                  // file, absolute when the plan runs
  // What is started on the head to get there: argv itself; or srun, its options, `env CUDA_VISIBLE_DEVICES=...` (which Slurm
  // sets anew for each step) and argv.
  std::vector<std::string> launch_argv;
};

// One worker process on one node. A worker larger than a node has one on each
// of its nodes, of which rank 0 serves HTTP.
struct WorkerProcess {
  WorkerId worker;  // over all roles, in order of placement
  Role role = Role::aggregated;
  int index = 0;          // among the workers of its role
  int rank = 0;           // among the nodes of its worker
  int node = 0;           // index into Plan::inventory.nodes
  std::vector<int> gpus;  // on that node
  Ports ports;
  Command command;
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
  int kv_events_port = 0;  // of its rank 0; 0: it publishes none
  int dist_init_port = 0;  // where its ranks meet, on its first node; 0: it has one node
};

struct RouterProcess {
  int port = 0;
  int metrics_port = 0;  // 0: none of its own
  std::string url;
  std::string api_key;  // what it asks of its clients, never shown; empty: none
  Command command;
};

// The deployment is ready when every worker answers /health, the router lists
// exactly these workers, each of them healthy, and a first token has come
// through the router.
struct Readiness {
  std::string url;  // the router's /workers
  int prefill = 0;
  int decode = 0;
  int regular = 0;
  std::int64_t timeout_s = 0;  // attempts x interval of the recipe's health_check
};

// aiperf 0.13.0 cannot replay a trace faster than it is, so what it replays is changed before: the rows up to
// `limit_seconds` after the first, times divided by `speed`.
struct PreparedTrace {
  double speed = 1;
  std::optional<double> limit_seconds;
};
// None: Site::trace_file is the trace as it is.
std::optional<PreparedTrace> prepared_trace(const recipe::Recipe& recipe);

struct Benchmark {
  std::string type;
  std::string client;  // srtctl | aiperf | custom | "" (manual)
  std::string workload;
  std::int64_t ttft_threshold_ms = 0;
  std::int64_t itl_threshold_ms = 0;
  std::string url;
  std::string model;          // the name in requests
  std::string tokenizer;      // its folder where the client runs; empty: the client
                              // counts by the built-in words
  std::string artifacts_dir;  // where the client writes, on the node
  int node = 0;
  std::vector<std::string> metrics_urls;        // that have figures during the run
  std::optional<PreparedTrace> prepared_trace;  // how Site::trace_file was made
  std::optional<Command> warmup;
  std::optional<Command> command;  // none: type manual, the deployment stays up until it is stopped
};

enum class StepKind : std::uint8_t { stage_model, worker, router, ready, warmup, flush, benchmark };
struct Step {
  StepKind kind = StepKind::worker;
  int process = 0;  // index into Plan::processes, for workers
};

struct Plan {
  std::string recipe_name;
  std::string log_dir;  // of all commands
  Site site;
  Inventory inventory;
  int gpus_per_node = 0;
  std::vector<Worker> workers;           // in order of WorkerId
  std::vector<WorkerProcess> processes;  // in order of (worker, rank)
  std::vector<Command> staging;          // copies the model to every node; usually none
  RouterProcess router;
  Readiness readiness;
  Benchmark benchmark;
  std::vector<Step> order;  // of start
};

// Where the shared ports of a plan begin that is only looked at.
inline constexpr int kFirstPortToLookAt = 20000;
// How many consecutive ports a plan of this recipe needs where all nodes are one host.
int shared_ports(const recipe::Recipe& recipe);

// Lays out `recipe` (as read_recipe() returned it) on the first recipe.nodes() nodes. Errors: the inventory has fewer; the
// shared ports end above 65535.
Result<Plan> make_plan(const recipe::Recipe& recipe, const Inventory& inventory, const Site& site = {});

// Files of a job's folder. The recipe as it is run, with every default, variant and --set: itself a recipe. In the first
// secrets are hidden; of a recipe that has some the job reads the second, which only its owner can read.
inline constexpr const char* kResolvedRecipe = "recipe_resolved.yaml";
inline constexpr const char* kRecipeWithSecrets = "recipe_with_secrets.yaml";

// The script for sbatch: asks for the nodes and runs `srtctl submit --launcher
// srun` on the recipe in the output folder. Every value in it is quoted; only
// the cluster's own bash preamble stands in it as it is. The output folder is
// outputs_dir/%j.
std::string batch_script(const recipe::Recipe& recipe, const Site& site, const std::string& outputs_dir);

}  // namespace infbench::plan
