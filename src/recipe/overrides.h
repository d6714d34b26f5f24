// --set key=value: overrides put into the tree before it is read, so that they are checked exactly as the file is.
// Pure, usable from any thread.
#pragma once

#include <span>
#include <string>

#include "recipe/findings.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

// Replaces or adds each key in turn. Sections on the way that are missing are made; whether the key exists at all the reader
// says.
void apply_overrides(std::span<const std::string> sets, Node& root, Findings& findings);

}  // namespace infbench::recipe
