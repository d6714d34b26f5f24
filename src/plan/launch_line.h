// How a command gets to its node: container and mounts, log, and srun with its options. Pure, usable from any thread.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "recipe/recipe.h"

namespace infbench::plan {

// The folder of all logs: output.log_dir of the recipe (below the output folder unless absolute), else logs/ of the output
// folder.
std::string log_dir(const recipe::Recipe& recipe, const Site& site);

// Where the client's files are, on the node and in a container.
std::string artifacts_dir(const Site& site);
inline constexpr std::string_view kArtifactsInContainer = "/logs/artifacts";
// Where a container has the trace.
std::string trace_in_container(const std::string& trace_file);

enum class Kind : std::uint8_t { worker, router, client, staging };

// `command` has name, node, argv, environment and container (used only where there are containers); fills in the rest.
void bring_to_node(const recipe::Recipe& recipe, const Site& site, const Node& node, Kind kind, Command& command);

}  // namespace infbench::plan
