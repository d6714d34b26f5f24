// Sweeps: a recipe with `sweep:` is one recipe for each point of it, with the point's values put where "{parameter}" stands.
//
//   sweep: {mem: [0.8, 0.9], tp: [2, 4]}                           every combination, the last parameter changing fastest
//   sweep: {mode: zip, parameters: {mem: [0.8, 0.9], tp: [2, 4]}}  first with first, second with second; mode grid: as above
//
// A text that is "{mem}" and nothing more becomes the value itself, so that a number stays a number; within a longer text it
// becomes part of the text. Pure functions, usable from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "recipe/findings.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

struct SweepPoint {
  std::string name;  // "mem=0.8,tp=2", another one for each point; empty: the recipe has no sweep
  Node root;         // without the sweep; a value that came from it has its place there
};

// What all recipes of a file may have together.
struct ExpansionLimit {
  static constexpr std::size_t kMostRecipes = 1'000;
  std::size_t recipes = kMostRecipes;
  std::size_t nodes = 2'000'000;  // values, so that a short file cannot fill the memory
};

// The points of this recipe; `left` becomes less by what they need. `complete`: false when `root` is only a part of its text,
// so that nothing can be said to be unused. None when something is wrong, which is written down.
std::vector<SweepPoint> expand_sweep(Node&& root, bool complete, ExpansionLimit& left, Findings& findings);

}  // namespace infbench::recipe
