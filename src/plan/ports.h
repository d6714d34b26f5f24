// The ports of a deployment, in two ways. Constants and pure functions.
//
// Each node has ports of its own: as the reference gives them out (srt-slurm 1.0.68, core/ports.py), from fixed bases, so that
// two deployments on one node collide. On one node the ranges stay apart as long as it has at most 32 workers (the recipe's
// limit of GPUs per node): KV events from 5200, HTTP 6100-7092, bootstrap 7200-7231, router 8000, multi-node start 8300, NCCL
// from 17500, the router's metrics 29000.
//
// All nodes are one host: one range of kSharedRouterPorts + kSharedProcessPorts x (worker processes) ports, handed in, so that
// deployments side by side do not meet. Each process has the same place in it whatever it uses of it.
#pragma once

namespace infbench::plan {

inline constexpr int kRouterPort = 8000;
inline constexpr int kRouterMetricsPort = 29000;  // sglang-router's own default
inline constexpr int kDistInitPort = 8300;        // where the ranks of a worker over several nodes meet

constexpr int http_port(int worker_on_node) {
  return 6100 + 32 * worker_on_node;
}  // sglang takes some of the ports that follow
constexpr int bootstrap_port(int prefill_worker_on_node) { return 7200 + prefill_worker_on_node; }
constexpr int nccl_port(int worker) { return 17500 + worker; }
constexpr int kv_events_port(int process) { return 5200 + process; }

inline constexpr int kSharedRouterPorts = 2;   // HTTP, metrics
inline constexpr int kSharedProcessPorts = 5;  // HTTP, NCCL, bootstrap, KV events, multi-node start

constexpr int shared_process_base(int base, int process) { return base + kSharedRouterPorts + kSharedProcessPorts * process; }

}  // namespace infbench::plan
