// The ports of a deployment, as the reference gives them out (srt-slurm 1.0.68, core/ports.py): fixed bases, so that two
// deployments on one node collide. Constants and pure functions.
//
// On one node the ranges stay apart as long as it has at most 32 workers (the recipe's limit of GPUs per node): HTTP 6100-7092,
// bootstrap 7200-7231, router 8000, multi-node start 8300, NCCL from 17500.
#pragma once

namespace infbench::plan {

inline constexpr int kRouterPort = 8000;
inline constexpr int kDistInitPort = 8300;  // where the ranks of a worker over several nodes meet

constexpr int http_port(int worker_on_node) {
  return 6100 + 32 * worker_on_node;
}  // sglang takes some of the ports that follow
constexpr int bootstrap_port(int prefill_worker_on_node) { return 7200 + prefill_worker_on_node; }
constexpr int nccl_port(int worker) { return 17500 + worker; }

}  // namespace infbench::plan
