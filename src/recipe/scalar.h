// What a scalar of YAML is: true or false, an integer, a number, text, by the core schema of YAML 1.2. Pure, usable from any
// thread.
#pragma once

#include <string>

#include "recipe/value.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

struct Scalar {
  Value value;
  std::string doubt;  // not empty: other readers of YAML take it for something else; says what to write instead
};

// Of a null or scalar node. Quoted scalars are text.
Scalar classify(const Node& node);

// The node in words for an error: "the text 'eight'", "the integer 8", "null", "a list".
std::string describe(const Node& node);

}  // namespace infbench::recipe
