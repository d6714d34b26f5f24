#include "cli/cases.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cli/grid.h"
#include "cli/program_files.h"
#include "recipe/cluster.h"

namespace infbench::cli {
namespace {

using Deployments = std::vector<std::shared_ptr<const Deployment>>;

// Those of one -f: simulate runs one recipe, compare all that the file has.
Result<std::vector<recipe::Recipe>> read_all(const std::string& file, bool compare, std::span<const recipe::Edit> edits,
                                             const recipe::Cluster& cluster) {
  if (compare) return recipe::read_recipes(file, edits, cluster);
  auto recipe = recipe::read_recipe(file, edits, cluster);
  if (!recipe) return fail(std::move(recipe.error()));
  std::vector<recipe::Recipe> one;
  one.push_back(*std::move(recipe));
  return one;
}

// Errors, each once.
class ErrorList {
 public:
  void add(const Errors& errors) {
    for (const Error& error : errors) {
      if (said_.insert(format_errors({error})).second) errors_.push_back(error);
    }
  }
  bool empty() const { return errors_.empty(); }
  Errors take() { return std::move(errors_); }

 private:
  std::set<std::string> said_;
  Errors errors_;
};

// What recipes are read with, beside themselves.
struct Surroundings {
  recipe::Cluster cluster;
  std::string data_dir;
};

// "policy" holds for all stages: what a recipe says of one of them would stand before it, and all points be the same.
std::vector<recipe::Edit> without_stage_policies(const GridPoint& point, std::span<const recipe::Recipe> recipes) {
  const auto has_key = [&](std::string_view key) {
    return std::ranges::any_of(point.values, [&](const auto& value) { return value.first == key; });
  };
  std::vector<recipe::Edit> edits;
  if (!has_key("policy")) return edits;
  for (const std::string flag : {"prefill-policy", "decode-policy"}) {
    const std::string key = "frontend.args." + flag;
    const auto says = [&](const recipe::Recipe& recipe) { return recipe.frontend.args.find(flag) != nullptr; };
    if (!has_key(key) && std::ranges::any_of(recipes, says)) {
      edits.push_back({.kind = recipe::Edit::Kind::unset, .text = key});
    }
  }
  return edits;
}

Deployments deployments_of(const std::string& file, const SimulateOptions& options, const GridPoint& point,
                           const Surroundings& around, ErrorList& errors) {
  Deployments deployments;
  std::vector<recipe::Edit> edits = options.edits;
  edits.insert(edits.end(), point.edits.begin(), point.edits.end());
  auto recipes = read_all(file, options.compare, edits, around.cluster);
  if (recipes) {
    const std::vector<recipe::Edit> more = without_stage_policies(point, *recipes);
    edits.insert(edits.end(), more.begin(), more.end());
    if (!more.empty()) recipes = read_all(file, options.compare, edits, around.cluster);
  }
  if (!recipes) errors.add(recipes.error());
  if (!recipes) return deployments;
  for (recipe::Recipe& recipe : *recipes) {
    auto deployment = prepare(std::move(recipe), edits, around.data_dir);
    if (!deployment) {
      errors.add(deployment.error());
      continue;
    }
    deployments.push_back(std::make_shared<const Deployment>(*std::move(deployment)));
  }
  return deployments;
}

std::string key_of(const GridPoint& point) {
  std::string key;
  for (const recipe::Edit& edit : point.edits) key += edit.text + '\n';
  return key;
}

}  // namespace

Result<std::vector<Case>> cases_of(const SimulateOptions& options) {
  const auto points = grid_points(options.study.grids);
  if (!points) return fail(points.error());
  const auto data = data_dir();
  if (!data) return fail(data.error());
  auto cluster = recipe::read_own_cluster();
  if (!cluster) return fail(std::move(cluster.error()));
  const Surroundings around{.cluster = *std::move(cluster), .data_dir = *data};
  std::vector<Case> cases;
  ErrorList errors;
  for (const std::string& file : options.recipes) {
    std::map<std::string, Deployments> by_edits;
    for (const GridPoint& point : *points) {
      const auto [known, is_new] = by_edits.try_emplace(key_of(point));
      if (is_new) known->second = deployments_of(file, options, point, around, errors);
      for (const auto& deployment : known->second) {
        cases.push_back({.deployment = deployment,
                         .settings = {.speed = point.speed.value_or(options.speed),
                                      .seed = point.seed.value_or(options.seed),
                                      .point = point.values,
                                      .explain = options.study.explain,
                                      .with_timeline = !options.output_dir.empty()}});
      }
    }
  }
  if (!errors.empty()) return fail(errors.take());
  if (options.compare && options.study.find.empty() && cases.size() < 2) {
    return fail("compare needs at least two recipes, or a --grid", "-f A -f B");
  }
  return cases;
}

}  // namespace infbench::cli
