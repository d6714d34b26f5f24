// Grid: the cross product of --grid KEY=V1,V2,...: which settings each point of it has. Pure, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "recipe/read_recipe.h"

namespace infbench::cli {

// One point: values by key in the order of the axes, and what they mean for a run.
struct GridPoint {
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<recipe::Edit> edits;    // of the recipe, after those of --set
  std::optional<double> speed;        // of the key "speed"
  std::optional<std::uint64_t> seed;  // of the key "seed"
};

// Keys: "speed", "seed", "policy" (a policy of our own frontend, for all stages), or any key of a recipe as in --set. Values
// are cut at commas outside of brackets and quotes. The last axis changes fastest; no axis gives one empty point. Errors: no
// key, no value, a key twice, a speed or a seed that is none, more than a million points.
Result<std::vector<GridPoint>> grid_points(std::span<const std::string> axes);

}  // namespace infbench::cli
