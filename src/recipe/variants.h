// Variants: one file with `base:` and beside it `override_NAME:` and `zip_override_NAME:`, each of them one or several recipes.
//
// An override is merged into the base: maps key by key, null takes a key away, everything else, lists too, replaces. Of a
// zip_override each list at the end of a path holds one value per recipe; all have the same length, but one of length 1 counts
// for all. Whatever came from an override keeps its place there. Pure functions, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recipe/findings.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

struct VariantRef {
  std::string name;                  // "override_tp4", "zip_override_tp[1]", "base"; empty: the file is one recipe as it stands
  std::string section;               // the key, "zip_override_tp"
  std::optional<std::size_t> index;  // of a zip_override
};

// The recipes of the file that `selector` names: a section, "section[N]", or a glob of those with '*' and '?' (which never
// means the base). Empty: all overrides, in order of name, then all zip_overrides; the base itself only when there are none of
// both. In a selector with '=', of a point of a sweep (sweep.h), only what stands before its first ',' is looked at. None:
// something is wrong with the sections or there is no such recipe.
std::vector<VariantRef> find_variants(const Tree& tree, std::string_view selector, Findings& findings);

// The whole recipe. Its name is that of the base with the section's added, unless the override gives one.
Node make_variant(const Node& root, const VariantRef& variant, Findings& findings);

// '*' is any text, '?' any character.
bool matches_glob(std::string_view text, std::string_view pattern);

// `text` fit for a file's or a job's name: letters, digits and the marks given, others become '-', at most `most` bytes. What
// had to be changed gets a hash at its end, so that different texts stay different.
std::string fit_name(std::string_view text, std::string_view marks, std::size_t most);

}  // namespace infbench::recipe
