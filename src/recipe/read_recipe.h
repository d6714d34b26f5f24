// read_recipes: a YAML file to Recipes, strictly: all that is wrong is found in one pass and returned as Errors in the order of
// the file, then of the overrides, each with its line, column, source line and what to do. Pure but for reading the file;
// usable from any thread.
//
// One file may hold several recipes: base with override_NAME and zip_override_NAME sections (variants.h), and a sweep over
// values. Order: variants, --set and --unset, sweep, defaults of the cluster, checks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "recipe/cluster.h"
#include "recipe/recipe.h"

namespace infbench::recipe {

// One --set or --unset, in the order of the command line.
struct Edit {
  enum class Kind : std::uint8_t { set, unset };
  Kind kind = Kind::set;
  std::string text;  // "a.b.key=value", its value read as YAML; or "a.b.key"

  friend bool operator==(const Edit&, const Edit&) = default;
};

// Fit for a folder's name and different for different variants, at most 100 bytes: "zip_override_tp[1],mem=0.8" is
// "zip_override_tp_1,mem=0.8".
std::string folder_name(std::string_view variant);

// `selector`: a path, or path:SELECTOR with "base", "override_x", "zip_override_x", "zip_override_x[N]" or a glob of those, or
// a point of a sweep: "mem=0.8,tp=2" of a plain file, "override_x,mem=0.8,tp=2" of one with variants. Without one: all recipes
// of the file, of one with overrides all but the base. A path that exists is a path, colons or not. `cluster` gives aliases and
// defaults. At least one recipe, in the same order each time: overrides by name, then zip_overrides by name and number, points
// of a sweep with the last parameter changing fastest. Errors that not all of the recipes have say which of them does.
Result<std::vector<Recipe>> read_recipes(const std::string& selector, std::span<const Edit> edits, const Cluster& cluster);

// The same, for those who can use one recipe only. Error: there are several; it names the selectors.
Result<Recipe> read_recipe(const std::string& selector, std::span<const Edit> edits = {}, const Cluster& cluster = {});

// The same of a text already read; `file` is only its name in errors, `selector` what stands after the path's ':'.
Result<std::vector<Recipe>> read_recipes_text(std::string_view text, const std::string& file, std::string_view selector,
                                              std::span<const Edit> edits, const Cluster& cluster);
Result<Recipe> read_recipe_text(std::string_view text, const std::string& file, std::span<const Edit> edits = {},
                                const Cluster& cluster = {});

}  // namespace infbench::recipe
