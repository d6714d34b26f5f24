// Workers against nodes: that both kinds are not mixed, nothing is missing, and all find room on the GPUs asked for.
#include <span>
#include <string>

#include <fmt/format.h>

#include "recipe/checks.h"
#include "recipe/topology.h"

namespace infbench::recipe {
namespace {

std::string_view adjective(Role role) { return role == Role::aggregated ? "aggregated" : name_of(role); }

std::string resource(std::string_view name, Role role, std::string_view tail) {
  return fmt::format("resources.{}{}{}", name, name_of(role), tail);
}

bool all_there(const Checked& checked, std::span<const std::string> paths) {
  bool there = true;
  for (const std::string& path : paths) {
    if (!checked.fine(path)) {
      there = false;
    } else if (!checked.given(path)) {
      there = false;
      if (!checked.complete) continue;
      const std::string key = path.substr(path.find('.') + 1);
      checked.findings.add(checked.key_place("resources"), fmt::format("missing key '{}' in resources", key),
                           key == "decode_nodes" ? "add it: 0 means that decode workers share the prefill nodes" : "add it");
    }
  }
  return there;
}

// Two kinds of workers in one recipe: at the first key of the kind that comes second.
void report_mixture(const Checked& checked) {
  const Entry* resources = checked.entry("resources");
  const auto is_aggregated = [](std::string_view key) { return key.starts_with("agg_") || key == "gpus_per_agg"; };
  const auto is_split = [](std::string_view key) {
    return key.find("prefill") != std::string_view::npos || key.find("decode") != std::string_view::npos;
  };
  bool aggregated = false;
  bool split = false;
  for (const Entry& entry : resources->value.entries) {
    aggregated = aggregated || is_aggregated(entry.key);
    split = split || is_split(entry.key);
    if (!aggregated || !split) continue;
    checked.findings.add(entry.place, "resources has both aggregated and prefill/decode workers",
                         "keep the agg_* keys, or the prefill_* and decode_* keys");
    return;
  }
}

// GPUs per worker that can be laid out at all.
bool check_size(const Checked& checked, const WorkerGroup& group) {
  const std::int64_t per_node = checked.recipe.resources.gpus_per_node;
  const std::string workers = resource("", group.role, "_workers");
  if (group.gpus_per_worker < 1) {
    const Resources& r = checked.recipe.resources;
    const std::int64_t nodes = group.role == Role::aggregated ? r.agg_nodes.value_or(0)
                               : group.role == Role::prefill  ? r.prefill_nodes.value_or(0)
                                                              : r.decode_nodes.value_or(0);
    if (nodes == 0) return false;  // decode workers as small as those of prefill, which has been said
    checked.findings.add(checked.value_place(workers),
                         fmt::format("{}: {} workers cannot share {} GPUs", workers, group.workers, nodes * per_node),
                         fmt::format("ask for more nodes of {} GPUs or fewer workers", per_node));
    return false;
  }
  if (group.gpus_per_worker > per_node && group.gpus_per_worker % per_node != 0) {
    const std::string given = resource("gpus_per_", group.role, "");
    checked.findings.add(checked.value_place(checked.given(given) ? given : workers),
                         fmt::format("each {} worker has {} GPUs: more than a node of {}, but not whole nodes",
                                     adjective(group.role), group.gpus_per_worker, per_node),
                         fmt::format("give each worker up to {} GPUs or a multiple of that", per_node));
    return false;
  }
  return true;
}

std::string in_words(const WorkerGroup& group) {
  return fmt::format("{} {} worker{} of {} GPU{}", group.workers, adjective(group.role), group.workers == 1 ? "" : "s",
                     group.gpus_per_worker, group.gpus_per_worker == 1 ? "" : "s");
}

void check_room(const Checked& checked, std::span<const WorkerGroup> groups) {
  std::vector<WorkersAsked> asked;
  std::string wanted;
  bool sizes_fit = true;
  for (const WorkerGroup& group : groups) {
    sizes_fit = check_size(checked, group) && sizes_fit;
    asked.push_back({group.role, group.workers, group.gpus_per_worker});
    wanted += (wanted.empty() ? "" : " and ") + in_words(group);
  }
  if (!sizes_fit) return;
  const auto per_node = static_cast<int>(checked.recipe.resources.gpus_per_node);
  const int nodes = checked.recipe.nodes();
  const Topology topology = place_workers(asked, nodes, per_node, checked.recipe.resources.spread_workers);
  if (topology.nodes_used <= nodes) return;
  const Role role = groups.back().role;
  const std::string size = resource("gpus_per_", role, "");
  checked.findings.add(checked.value_place(checked.given(size) ? size : resource("", role, "_workers")),
                       fmt::format("{} need {} nodes of {} GPUs{}, found {}", wanted, topology.nodes_used, per_node,
                                   checked.recipe.resources.spread_workers ? " by spread_workers" : "", nodes),
                       "ask for more nodes, fewer workers, or another number of GPUs per worker");
}

}  // namespace

void check_workers(const Checked& checked) {
  if (!checked.fine("resources") || !checked.given("resources")) return;
  const bool aggregated = asks_aggregated(checked);
  const bool split = asks_disaggregated(checked);
  if (aggregated && split) return report_mixture(checked);
  if (!aggregated && !split) {
    if (!checked.complete || !checked.fine("resources.agg_workers") || !checked.fine("resources.prefill_workers")) return;
    checked.findings.add(checked.key_place("resources"), "resources asks for no workers",
                         "add agg_nodes and agg_workers, or prefill_nodes, prefill_workers, decode_nodes and decode_workers");
    return;
  }
  const std::vector<std::string> needed = aggregated
                                              ? std::vector<std::string>{"resources.agg_nodes", "resources.agg_workers"}
                                              : std::vector<std::string>{"resources.prefill_nodes", "resources.prefill_workers",
                                                                         "resources.decode_nodes", "resources.decode_workers"};
  if (!all_there(checked, needed) || !checked.fine("resources.gpus_per_node")) return;
  for (const std::string_view size : {"resources.gpus_per_agg", "resources.gpus_per_prefill", "resources.gpus_per_decode"}) {
    if (!checked.fine(size)) return;
  }
  const std::vector<WorkerGroup> groups = checked.recipe.groups();
  check_room(checked, groups);
}

}  // namespace infbench::recipe
