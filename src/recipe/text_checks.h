// Is it text at all: UTF-8 without control characters. Pure, usable from any thread.
#pragma once

#include <string_view>

#include "recipe/findings.h"
#include "recipe/place.h"

namespace infbench::recipe {

// Writes down the first byte that cannot stand in a text file; true when there is none. `origin`: the place of the first byte.
bool check_text(std::string_view text, const Place& origin, Findings& findings);

}  // namespace infbench::recipe
