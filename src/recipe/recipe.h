// Recipe: what to deploy, as data: one struct per section of the YAML file, plus the questions that the other rooms ask of it.
//
// Made by read_recipe() (read_recipe.h), which refuses whatever does not fit together; a value, immutable after that, usable
// from any thread. The keys and their meaning are documented where they are declared as data: schema.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "recipe/value.h"

namespace infbench::recipe {

using StringMap = std::vector<std::pair<std::string, std::string>>;  // in the order of the file, each key once

struct Model {
  std::string path;       // a local folder, mounted as /model; or "hf:org/name", which the engine fetches by itself
  std::string container;  // image; empty: processes run on the nodes as they are
  std::string precision;  // bf16, ...
  std::optional<std::string> stage_dir;  // node-local folder that the model is copied to first
};

struct Resources {
  std::string gpu_type;  // h200, ...
  std::int64_t gpus_per_node = 4;
  std::optional<std::int64_t> agg_nodes, agg_workers, gpus_per_agg;
  std::optional<std::int64_t> prefill_nodes, prefill_workers, gpus_per_prefill;
  std::optional<std::int64_t> decode_nodes, decode_workers, gpus_per_decode;  // decode_nodes 0: they share the prefill nodes
  bool spread_workers = false;                                                // one worker per node
};

struct Slurm {
  std::optional<std::string> account, partition, time_limit;
};

struct Frontend {
  std::string type;  // sglang | srtctl
  bool enable_multiple_frontends = true;
  Flags args;
  StringMap env;
};

// Server flags per role, of sglang or vllm.
struct EngineConfig {
  std::optional<Flags> prefill, decode, aggregated;
};

// KV cache events that a worker publishes over ZMQ.
struct KvEvents {
  std::string publisher = "zmq";
  std::string topic = "kv-events";
};

struct Backend {
  std::string type = "sglang";  // sglang | vllm | model: `srtctl serve` with the flags of sglang
  StringMap prefill_environment, decode_environment, aggregated_environment;
  EngineConfig sglang_config;
  EngineConfig vllm_config;                                                           // aggregated only
  std::optional<KvEvents> prefill_kv_events, decode_kv_events, aggregated_kv_events;  // of kv_events_config
};

// Which fields a type has, schema.cc says; a field of another type is an error.
struct Benchmark {
  std::string type = "manual";    // mooncake-router | trace-replay | custom | manual
  std::string client = "srtctl";  // srtctl | aiperf
  std::string mooncake_workload = "conversation";
  std::string trace_file;  // trace-replay
  std::int64_t ttft_threshold_ms = 2000;
  std::int64_t itl_threshold_ms = 25;
  std::string client_placement = "head";  // head | last_decode
  Flags aiperf_args;                      // client aiperf only
  std::string aiperf_package = "aiperf";  // what pip installs where aiperf is missing
  std::string command;                    // custom: run by bash
  std::string container_image;            // custom and aiperf; empty: that of the model
  StringMap env;                          // of the client
  std::int64_t warmup_requests = 20;
  // Ours; the reference has none of them.
  double speed = 1.0;                   // the trace's times divided by it
  std::optional<double> limit_seconds;  // only the trace's first seconds
  std::int64_t seed = 42;
  std::optional<std::string> require;  // "goodput_fraction>=0.9"
};

struct HealthCheck {
  std::int64_t max_attempts = 180;
  std::int64_t interval_seconds = 10;
};

// Read by the engine model only; a real engine knows these by itself.
struct Engine {
  std::optional<std::int64_t> kv_tokens;  // KV capacity of one worker; none: from the data of model and GPU
  double link_gbps = 400;                 // gigabits per second of each GPU's link to another node (400 Gbit/s = 50 GB/s)
  double link_us = 10;                    // latency of that link, microseconds
  double time_scale = 1;                  // backend.type model only: all of the engine's times divided by it
};

// The workers of one role.
struct WorkerGroup {
  Role role = Role::aggregated;
  int workers = 0;
  int gpus_per_worker = 0;
  const Flags* flags = nullptr;            // into the Recipe; never null
  const StringMap* environment = nullptr;  // into the Recipe; never null
};

// The server flags that the engine model understands, with sglang's defaults filled in; of vLLM those that mean the same.
struct EngineFlags {
  int tensor_parallel_size = 1;
  Tokens page_size = 1;
  std::optional<Tokens> context_length;        // none: what the model's own config says
  std::optional<Tokens> chunked_prefill_size;  // none: prompts are not cut (the flag is -1); of vLLM: its own default
  std::optional<double> mem_fraction_static;   // none: the engine's own default
  std::optional<std::int64_t> max_running;     // requests at a time; none: the engine's own default
  bool keeps_prefixes = true;                  // of past requests
  Tokens max_prefill_tokens = 16384;           // sglang: new prompt tokens in a step, where prompts are not cut
  std::string schedule_policy = "fcfs";        // sglang: who goes first
  double schedule_conservativeness = 1;        // sglang
  bool mixed_chunk = false;                    // sglang: batches of prompts decode too
};

struct Output {
  std::optional<std::string> log_dir;  // "{job_id}" in it is the job's; none: logs/ of the output folder
};

struct Recipe {
  std::string file;     // as given on the command line
  std::string variant;  // which of the file's recipes: "override_tp4", "sweep mem=0.8"; empty: it has one
  std::string text;     // the whole recipe after variants, --set and --unset, as YAML that reads back to this recipe
  std::string name;
  Model model;
  Resources resources;
  Slurm slurm;
  Frontend frontend;
  Backend backend;
  Benchmark benchmark;
  HealthCheck health_check;
  StringMap environment;
  StringMap container_mounts;            // folder on the node -> folder in the container
  std::vector<std::string> extra_mount;  // "host:container"
  StringMap srun_options;                // long option -> value; empty: a bare one
  StringMap sbatch_directives;
  std::string setup_script;  // a file of the configs folder, run in every worker's container first
  Output output;
  Engine engine;

  bool disaggregated() const;               // prefill and decode workers, or aggregated ones
  int nodes() const;                        // nodes asked for
  std::vector<WorkerGroup> groups() const;  // in order of placement: prefill, decode; or aggregated. The Recipe must outlive it
  WorkerGroup group(Role role) const;       // of a role that this recipe has

  EngineFlags engine_flags(Role role) const;

  // The name of the routing policy that chooses the worker for this stage, defaults filled in.
  std::string policy(Stage stage) const;

  // The model's name in requests: served-model-name, or the last part of model.path.
  std::string served_model_name() const;

  Slo slo() const;
};

// Most new prompt tokens in one step when --chunked-prefill-size is not given.
// sglang 0.5.6, server_args.py: 2048 or 4096 below 60 GB of GPU memory, 8192 below 160 GB, 16384 above.
Tokens default_chunked_prefill_size(std::string_view gpu_type);

// vllm 0.13.0, engine/arg_utils.py (get_batch_defaults, API server): 8192 tokens and 1024 requests on GPUs of 70 GiB or more
// that are no A100, else 2048 and 256.
Tokens default_max_num_batched_tokens(std::string_view gpu_type);
std::int64_t default_max_num_seqs(std::string_view gpu_type);

}  // namespace infbench::recipe
