// resolved_yaml: a recipe with all of its defaults written out, as YAML. Pure, usable from any thread.
#pragma once

#include <string>

#include "recipe/recipe.h"

namespace infbench::recipe {

// Every field of the schema that the recipe's benchmark and backend have, in the order of the schema, with the cluster's
// aliases and defaults put in; what has no value is left out. Flags of programs stand as they were given: their defaults are
// the program's own. It reads back, with no edits and no cluster, to the same recipe but for places.
std::string resolved_yaml(const Recipe& recipe);

}  // namespace infbench::recipe
