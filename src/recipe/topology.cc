#include "recipe/topology.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace infbench::recipe {
namespace {

struct Cursor {
  int node = 0;
  int used = 0;  // GPUs taken on that node

  void to_fresh_node() {
    if (used > 0) *this = {node + 1, 0};
  }
};

PlacedWorker place(Role role, int index, int gpus, int gpus_per_node, Cursor& cursor) {
  PlacedWorker placed{.role = role, .index = index, .gpus = {}};
  const int on_node = std::min(gpus, gpus_per_node);
  placed.nodes = (gpus + gpus_per_node - 1) / gpus_per_node;
  if (cursor.used + on_node > gpus_per_node) cursor.to_fresh_node();
  placed.first_node = cursor.node;
  placed.gpus.resize(static_cast<std::size_t>(on_node));
  std::iota(placed.gpus.begin(), placed.gpus.end(), cursor.used);
  cursor.node += placed.nodes - 1;
  cursor.used += on_node;
  return placed;
}

}  // namespace

Topology place_workers(std::span<const WorkersAsked> asked, int nodes, int gpus_per_node, bool spread) {
  INFBENCH_CHECK(gpus_per_node > 0);
  Topology topology;
  Cursor cursor;
  for (const WorkersAsked& group : asked) {
    INFBENCH_CHECK(group.gpus_per_worker > 0);
    if (group.role == Role::decode && cursor.node + 1 < nodes) cursor.to_fresh_node();
    for (int i = 0; i < group.workers; ++i) {
      if (spread) cursor.to_fresh_node();
      topology.workers.push_back(place(group.role, i, group.gpus_per_worker, gpus_per_node, cursor));
    }
  }
  topology.nodes_used = cursor.used > 0 ? cursor.node + 1 : cursor.node;
  return topology;
}

}  // namespace infbench::recipe
