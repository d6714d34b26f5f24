// Which worker goes on which GPUs: the reference's rules. Pure, values, usable from any thread.
//
// Workers are placed in order of their roles (prefill, decode; or aggregated). One smaller than a node takes the lowest free
// GPUs of the current node, or of the next one when the rest of it is too small; one of a node or more takes whole nodes. When
// nodes are left, decode workers start on a fresh one. Spread, every worker starts on a fresh one. Source: srt-slurm 1.0.68,
// core/topology.py (its behaviour).
#pragma once

#include <span>
#include <vector>

#include "base/types.h"

namespace infbench::recipe {

struct WorkersAsked {
  Role role = Role::aggregated;
  int workers = 0;
  int gpus_per_worker = 0;  // above gpus_per_node: a multiple of it
};

struct PlacedWorker {
  Role role = Role::aggregated;
  int index = 0;  // among the workers of its role
  int first_node = 0;
  int nodes = 1;
  std::vector<int> gpus;  // the same on each of its nodes
};

struct Topology {
  std::vector<PlacedWorker> workers;
  int nodes_used = 0;  // above the nodes given: they do not fit
};

Topology place_workers(std::span<const WorkersAsked> asked, int nodes, int gpus_per_node, bool spread);

}  // namespace infbench::recipe
