#include "recipe/read_tree.h"

#include <algorithm>

#include "recipe/checks.h"
#include "recipe/known_flags.h"
#include "recipe/schema.h"
#include "recipe/section_reader.h"

namespace infbench::recipe {
namespace {

// The mappings of flags, once it is known which programs they are for.
void read_all_flags(const Checked& checked, SectionReader& reader, Recipe& recipe) {
  const auto read = [&](std::string_view path, const FlagTable& table, Flags& into) {
    const Entry* entry = checked.entry(path);
    if (entry != nullptr && checked.fine(path)) reader.read_flags(entry->value, std::string(path), table, into);
    return entry != nullptr;
  };
  const auto read_role = [&](std::string_view path, const FlagTable& table, std::optional<Flags>& into) {
    Flags flags;
    if (read(path, table, flags)) into = std::move(flags);
  };
  // Of a frontend without a valid type nothing is known about its flags.
  if (checked.fine("frontend.type") && !recipe.frontend.type.empty()) {
    read("frontend.args", recipe.frontend.type == "srtctl" ? srtctl_route_flags() : sglang_router_flags(),
         recipe.frontend.args);
  }
  EngineConfig& sglang = recipe.backend.sglang_config;
  read_role("backend.sglang_config.prefill", sglang_server_flags(), sglang.prefill);
  read_role("backend.sglang_config.decode", sglang_server_flags(), sglang.decode);
  read_role("backend.sglang_config.aggregated", sglang_server_flags(), sglang.aggregated);
  read_role("backend.vllm_config.aggregated", vllm_server_flags(), recipe.backend.vllm_config.aggregated);
  read("benchmark.aiperf_args", aiperf_flags(), recipe.benchmark.aiperf_args);
}

// Pairs of `defaults` whose key `pairs` does not have, before those that are there.
void add_missing(const StringMap& defaults, StringMap& pairs) {
  StringMap all;
  for (const auto& [key, value] : defaults) {
    if (std::ranges::find(pairs, key, &StringMap::value_type::first) == pairs.end()) all.emplace_back(key, value);
  }
  all.insert(all.end(), pairs.begin(), pairs.end());
  pairs = std::move(all);
}

// What the cluster says where the recipe does not.
void apply_cluster(const Cluster& cluster, const Checked& checked, Recipe& recipe) {
  if (!recipe.slurm.account) recipe.slurm.account = cluster.default_account;
  if (!recipe.slurm.partition) recipe.slurm.partition = cluster.default_partition;
  if (!recipe.slurm.time_limit) recipe.slurm.time_limit = cluster.default_time_limit;
  if (cluster.default_health_check) {
    const HealthCheck& defaults = *cluster.default_health_check;
    if (!checked.given("health_check.max_attempts")) recipe.health_check.max_attempts = defaults.max_attempts;
    if (!checked.given("health_check.interval_seconds")) recipe.health_check.interval_seconds = defaults.interval_seconds;
  }
  add_missing(cluster.default_sbatch_directives, recipe.sbatch_directives);
  // Two mounts at one place of the container: the recipe's wins.
  StringMap mounts = cluster.default_mounts;
  std::erase_if(mounts, [&](const auto& mount) {
    const auto at_same_place = [&](const auto& other) { return other.second == mount.second; };
    const auto extra_at_same_place = [&](const std::string& extra) {
      const std::string rest = extra.substr(extra.find(':') + 1);
      return rest.substr(0, rest.find(':')) == mount.second;
    };
    return std::ranges::any_of(recipe.container_mounts, at_same_place) ||
           std::ranges::any_of(recipe.extra_mount, extra_at_same_place);
  });
  add_missing(mounts, recipe.container_mounts);
}

}  // namespace

void read_tree(const Tree& tree, const Cluster& cluster, Recipe& recipe, Findings& findings) {
  if (!tree.complete && tree.root.kind != Node::Kind::map) return;  // nothing was whole before the syntax error
  SectionReader reader(findings, tree.complete, cluster, "the recipe");
  const BoundSection schema = bind_schema(recipe);
  reader.read(schema, tree.root, "", tree.root.place);
  if (tree.root.kind != Node::Kind::map) return;
  const Checked checked{recipe, tree.root, tree.complete, reader, schema, findings};
  recipe.model.path_place = checked.value_place("model.path");
  recipe.model.container_place = checked.value_place("model.container");
  read_all_flags(checked, reader, recipe);
  apply_cluster(cluster, checked, recipe);
  check_all(checked);
}

}  // namespace infbench::recipe
