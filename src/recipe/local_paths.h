// Paths of a recipe that lie on this machine or on a file system that it shares with the nodes: are they there?
// Reads the file system; usable from any thread.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "recipe/cluster.h"
#include "recipe/recipe.h"

namespace infbench::recipe {

// What the plan is for: to be looked at, or to be started from here.
enum class PathsFor : std::uint8_t { looking, starting };

// A path is missing when the folder around it is here and it is not: then this machine sees that file system. When that folder
// is not here either, the path may be one of the nodes alone, and nothing is said; likewise of a folder directly below /.
// Looked at are model.path (a folder), an absolute model.container and benchmark.container_image (files), benchmark.trace_file,
// and setup_script in the configs folder, which must be there for starting (who starts a run opens its trace anyway). Nothing
// reads the model or runs its container with backend.type model. With the place in the recipe where it is known.
Errors check_local_paths(const Recipe& recipe, const Cluster& cluster, PathsFor purpose);

}  // namespace infbench::recipe
