// read_tree: the tree of one recipe, after --set and with no variants left in it, to a Recipe: fields along the schema, flags
// against the tables of their programs, the cluster's aliases and defaults, then the checks of what fits together.
// Pure but for environment variables that the recipe names; usable from any thread.
#pragma once

#include "recipe/cluster.h"
#include "recipe/findings.h"
#include "recipe/recipe.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

// What is wrong goes to `findings`; with any of them `recipe` is not to be used. Recipe::file, variant and text are left alone.
void read_tree(const Tree& tree, const Cluster& cluster, Recipe& recipe, Findings& findings);

}  // namespace infbench::recipe
