// write_yaml: a tree back to text that every reader of YAML takes for the same tree. Pure, usable from any thread.
#pragma once

#include <string>

#include "recipe/yaml_tree.h"

namespace infbench::recipe {

// Block style, two spaces per level, keys in their order; short lists of scalars on one line. parse_yaml() of it gives a tree
// of the same kinds, keys and texts, in which every scalar has the same type; texts that a reader of YAML 1.1 or 1.2 could take
// for something else are quoted.
std::string write_yaml(const Node& root);

}  // namespace infbench::recipe
