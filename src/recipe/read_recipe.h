// read_recipe: a YAML file and --set overrides to a Recipe, strictly: all that is wrong is found in one pass and returned as
// Errors in the order of the file, then of the overrides, each with its line, column, source line and what to do. Pure but for
// reading the file; usable from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "recipe/recipe.h"

namespace infbench::recipe {

inline constexpr std::size_t kMostRecipeBytes = 1U << 20U;

// Each of `sets` is "a.b.key=value": it overrides or adds that key, its value read as YAML and checked as strictly as the file.
// Of two overrides of one key the later one counts.
Result<Recipe> read_recipe(const std::string& path, std::span<const std::string> sets = {});

// The same of a text already read; `file` is only its name in errors.
Result<Recipe> read_recipe_text(std::string_view text, const std::string& file, std::span<const std::string> sets = {});

}  // namespace infbench::recipe
