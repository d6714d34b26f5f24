#include "recipe/read_recipe.h"

#include <filesystem>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipe/findings.h"
#include "recipe/overrides.h"
#include "recipe/read_tree.h"
#include "recipe/sweep.h"
#include "recipe/text_file.h"
#include "recipe/variants.h"
#include "recipe/yaml_tree.h"
#include "recipe/yaml_write.h"

namespace infbench::recipe {
namespace {

Error file_error(const std::string& path, std::string what, std::string hint = {}) {
  return {.what = std::move(what), .hint = std::move(hint), .file = path, .source_line = {}};
}

// The errors of several recipes of one text. What all of them have is told once, the rest with the recipes that have it.
class ErrorMerge {
 public:
  void add(const std::string& recipe, std::vector<Finding> findings) {
    ++recipes_;
    for (Finding& finding : findings) {
      auto key = std::tuple(finding.place, finding.error.what, finding.error.hint);
      const auto [at, first] = found_.try_emplace(std::move(key));
      if (first) at->second = {std::move(finding), recipe, 0, 0};
      if (at->second.last == recipes_) continue;  // twice in one recipe
      at->second.last = recipes_;
      ++at->second.recipes;
    }
  }

  void put_into(Findings& findings) {
    for (auto& [key, seen] : found_) {
      if (seen.recipes < recipes_) {
        const std::string others = seen.recipes > 1 ? fmt::format(" and {} more", seen.recipes - 1) : "";
        seen.finding.error.what += fmt::format(" (in {}{})", seen.recipe, others);
      }
      findings.put(std::move(seen.finding));
    }
  }

 private:
  struct Seen {
    Finding finding;
    std::string recipe;       // the first that has it
    std::size_t recipes = 0;  // how many have it
    std::size_t last = 0;     // the number of the last of them
  };
  std::map<std::tuple<Place, std::string, std::string>, Seen> found_;
  std::size_t recipes_ = 0;
};

// The recipes of one text, one after the other, so that only one tree is held at a time.
class Expansion {
 public:
  Expansion(const Tree& tree, const std::string& file, std::string_view selector, Findings& findings)
      : tree_(tree), file_(file), selector_(selector), findings_(findings) {}

  std::vector<Recipe> run(std::span<const Edit> edits, const Cluster& cluster) {
    TreeEdits tree_edits(edits, findings_);
    for (const VariantRef& variant : find_variants(tree_, selector_, findings_)) {
      Node root = make_variant(tree_.root, variant, findings_);
      tree_edits.apply(root);
      for (SweepPoint& point : expand_sweep(std::move(root), tree_.complete, left_, findings_)) {
        std::string name = variant.name + (variant.name.empty() || point.name.empty() ? "" : ",") + point.name;
        if (is_asked_for(variant, name)) read(std::move(name), std::move(point.root), cluster);
      }
    }
    if (tree_.complete) tree_edits.report_unfound();
    if (recipes_.empty() && findings_.empty()) report_no_match();
    errors_.put_into(findings_);
    return std::move(recipes_);
  }

 private:
  // Without '=' the selector means sections, which have been chosen already.
  bool is_asked_for(const VariantRef& variant, const std::string& name) {
    if (selector_.empty()) return true;
    const bool asked =
        variant.name.empty() || selector_.find('=') != std::string_view::npos ? matches_glob(name, selector_) : true;
    if (!asked && passed_.size() < kMostNames) passed_.push_back(name);
    return asked;
  }

  void read(std::string name, Node&& root, const Cluster& cluster) {
    Recipe recipe;
    recipe.file = file_;
    recipe.variant = std::move(name);
    recipe.text = write_yaml(root);
    const std::size_t before = findings_.size();
    read_tree({std::move(root), tree_.complete}, cluster, recipe, findings_);
    errors_.add(recipe.variant, findings_.cut(before));
    recipes_.push_back(std::move(recipe));
  }

  void report_no_match() {
    std::erase(passed_, "");
    const std::vector<std::string_view> names(passed_.begin(), passed_.end());
    std::string hint = did_you_mean(selector_, names);
    if (hint.empty()) hint = names.empty() ? "it has no variants" : fmt::format("there are {}", fmt::join(names, ", "));
    findings_.add({0, 0, 0}, fmt::format("no recipe of this file is '{}'", selector_), std::move(hint));
  }

  static constexpr std::size_t kMostNames = 20;
  const Tree& tree_;
  const std::string& file_;
  std::string_view selector_;
  Findings& findings_;
  ExpansionLimit left_;
  ErrorMerge errors_;
  std::vector<Recipe> recipes_;
  std::vector<std::string> passed_;  // names of recipes that were not asked for
};

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// "a.yaml:base" to "a.yaml" and "base". A file with a colon in its name comes first; when there is no file, what looks most
// like one.
std::pair<std::string, std::string> split_selector(const std::string& selector) {
  if (exists(selector)) return {selector, {}};
  for (std::size_t colon = selector.rfind(':'); colon != std::string::npos && colon > 0;
       colon = selector.rfind(':', colon - 1)) {
    const std::string path = selector.substr(0, colon);
    if (exists(path) || path.ends_with(".yaml") || path.ends_with(".yml")) return {path, selector.substr(colon + 1)};
  }
  return {selector, {}};
}

Result<Recipe> only_one(Result<std::vector<Recipe>> recipes, const std::string& file) {
  constexpr std::size_t kMostNames = 10;
  if (!recipes.has_value()) return fail(std::move(recipes.error()));
  if (recipes->size() == 1) return std::move(recipes->front());
  std::string names;
  for (std::size_t i = 0; i < std::min(recipes->size(), kMostNames); ++i) {
    names += fmt::format("{}{}:{}", i == 0 ? "" : ", ", file, (*recipes)[i].variant);
  }
  if (recipes->size() > kMostNames) names += ", ...";
  return fail(file_error(file, fmt::format("expected one recipe, found {}", recipes->size()), "choose one: " + names));
}

}  // namespace

Result<std::vector<Recipe>> read_recipes_text(std::string_view text, const std::string& file, std::string_view selector,
                                              std::span<const Edit> edits, const Cluster& cluster) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.size() > kMostRecipeBytes) {
    return fail(file_error(file, fmt::format("expected a recipe of at most {} bytes", kMostRecipeBytes), "is it a recipe?"));
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Findings findings;
  findings.add_file(file, text);
  const std::optional<Tree> tree = parse_yaml(text, {0, 1, 1}, findings);
  if (!tree.has_value()) {
    if (findings.empty()) findings.add({0, 1, 1}, "the file is empty", "a recipe begins with name: and model:");
    return fail(findings.take());
  }
  std::vector<Recipe> recipes;
  if (tree->root.kind == Node::Kind::map) {
    recipes = Expansion(*tree, file, selector, findings).run(edits, cluster);
  } else {
    Recipe none;
    read_tree(*tree, cluster, none, findings);  // says so
  }
  if (!findings.empty()) return fail(findings.take());
  return recipes;
}

Result<Recipe> read_recipe_text(std::string_view text, const std::string& file, std::span<const Edit> edits,
                                const Cluster& cluster) {
  return only_one(read_recipes_text(text, file, {}, edits, cluster), file);
}

Result<std::vector<Recipe>> read_recipes(const std::string& selector, std::span<const Edit> edits, const Cluster& cluster) {
  const auto [path, variant] = split_selector(selector);
  if (path.size() + 1 == selector.size()) {
    return fail(
        file_error(path, "expected the name of a variant after ':', found nothing", "leave the ':' out for all recipes"));
  }
  Result<std::string> text = read_text_file(path);
  if (!text.has_value()) return fail(std::move(text.error()));
  return read_recipes_text(*text, path, variant, edits, cluster);
}

Result<Recipe> read_recipe(const std::string& selector, std::span<const Edit> edits, const Cluster& cluster) {
  return only_one(read_recipes(selector, edits, cluster), split_selector(selector).first);
}

}  // namespace infbench::recipe
