// A recipe: all of read_recipes() with variants and sweep. What follows a line "%%" are edits, one a line: "a.b=1" or "-a.b".
#include <set>

#include "recipe/findings.h"
#include "recipe/read_recipe.h"
#include "recipe/yaml_resolved.h"
#include "recipe/yaml_tree.h"
#include "recipe/yaml_write.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

using recipe::Edit;

std::vector<Edit> edits_of(std::string_view text) {
  std::vector<Edit> edits;
  for (std::string_view line : split(text, "\n")) {
    if (line.empty()) continue;
    const bool unset = line.front() == '-';
    if (unset) line.remove_prefix(1);
    edits.push_back({.kind = unset ? Edit::Kind::unset : Edit::Kind::set, .text = std::string(line)});
  }
  return edits;
}

// The same kinds, keys and texts.
bool same(const recipe::Node& a, const recipe::Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() || a.entries.size() != b.entries.size())
    return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i])) return false;
  }
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    if (a.entries[i].key != b.entries[i].key || !same(a.entries[i].value, b.entries[i].value)) return false;
  }
  return true;
}

void check_tree(std::string_view text) {
  recipe::Findings findings;
  findings.add_file("r.yaml", text);
  const auto tree = recipe::parse_yaml(text, {0, 1, 1}, findings);
  if (!findings.empty() || !tree) return;
  const std::string written = recipe::write_yaml(tree->root);
  recipe::Findings none;
  none.add_file("w.yaml", written);
  const auto again = recipe::parse_yaml(written, {0, 1, 1}, none);
  require(none.empty() && again.has_value(), "a tree that was written can be read");
  require(same(tree->root, again->root), "and is the same");
}

void check_recipe(const recipe::Recipe& recipe) {
  const std::string resolved = recipe::resolved_yaml(recipe);
  const auto again = recipe::read_recipe_text(resolved, "resolved.yaml");
  require(again.has_value(), "a recipe with its defaults can be read");
  require(recipe::resolved_yaml(*again) == resolved, "and is the same");
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  constexpr std::size_t kMostChecked = 4;  // of the recipes of a sweep
  const std::string_view text = text_of(data, size);
  const std::size_t mark = text.find("\n%%\n");
  const std::string_view yaml = text.substr(0, mark);
  const auto edits = mark == std::string_view::npos ? std::vector<recipe::Edit>{} : edits_of(text.substr(mark + 4));
  check_tree(yaml);
  const auto recipes = recipe::read_recipes_text(yaml, "r.yaml", {}, edits, {});
  if (!recipes) {
    require(!recipes.error().empty() && !format_errors(recipes.error()).empty(), "a failure has an error");
    if (edits.empty()) check_errors(recipes.error(), yaml);
    return 0;
  }
  require(!recipes->empty(), "at least one recipe");
  std::set<std::string> folders;
  for (const recipe::Recipe& one : *recipes) {
    const std::string folder = recipe::folder_name(one.variant);
    require(folder.size() <= 100 && folder.find('/') == std::string::npos && folder != "..", "a folder's name is one");
    require(folders.insert(folder).second, "different variants have different folders");
    if (folders.size() <= kMostChecked) check_recipe(one);
  }
  return 0;
}
