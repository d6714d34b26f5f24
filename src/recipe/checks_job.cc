// The job around the workers: mounts that meet in one place, a stage for a model that is not there to be copied.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "recipe/checks.h"
#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

// Where every worker's container has a mount already.
constexpr auto kOwnMounts = std::to_array<std::string_view>({"/model", "/logs", "/configs"});

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

class Targets {
 public:
  explicit Targets(const Checked& checked) : checked_(checked) {}

  void add(const std::string& target, const std::string& path, const Place& place) {
    const std::string folder = without_slashes(target);
    if (std::ranges::find(kOwnMounts, folder) != kOwnMounts.end()) {
      checked_.findings.add(place, fmt::format("{}: '{}' is mounted by srtctl itself", path, folder), "mount it elsewhere");
      return;
    }
    const auto [first, fresh] = lines_.emplace(folder, place.line);
    if (fresh) return;
    checked_.findings.add(place, fmt::format("{}: '{}' is mounted already, on line {}", path, folder, first->second),
                          "mount one of them elsewhere");
  }

 private:
  const Checked& checked_;
  std::map<std::string, int> lines_;
};

std::string expanded(const Node& node) {
  std::vector<std::string> unset;
  return expand_variables(node.text, unset);
}

void check_mounts(const Checked& checked) {
  Targets targets(checked);
  if (const Entry* mounts = checked.entry("container_mounts"); mounts != nullptr) {
    for (const Entry& mount : mounts->value.entries) {
      const std::string target = expanded(mount.value);
      if (!check_absolute_path(target).empty()) continue;
      targets.add(target, fmt::format("container_mounts.{}", mount.key), mount.value.place);
    }
  }
  const Entry* extra = checked.entry("extra_mount");
  if (extra == nullptr) return;
  for (std::size_t i = 0; i < extra->value.items.size(); ++i) {
    const std::string mount = expanded(extra->value.items[i]);
    if (!check_mount(mount).empty()) continue;
    const std::string rest = mount.substr(mount.find(':') + 1);
    targets.add(rest.substr(0, rest.find(':')), fmt::format("extra_mount[{}]", i), extra->value.items[i].place);
  }
}

}  // namespace

void check_job(const Checked& checked) {
  check_mounts(checked);
  const Model& model = checked.recipe.model;
  if (!model.stage_dir.has_value() || !model.path.starts_with("hf:")) return;
  checked.findings.add(checked.key_place("model.stage_dir"),
                       fmt::format("model.stage_dir: there is nothing to copy of '{}', which the engine fetches", model.path),
                       "remove it, or give the model's folder");
}

}  // namespace infbench::recipe
