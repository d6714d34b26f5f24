// The reference of all keys, as Markdown, made from the tables that the readers use: the second half of docs/recipes.md.
// Pure, usable from any thread.
#pragma once

#include <string>
#include <string_view>

namespace infbench::recipe {

// What stands in docs/recipes.md before the generated part; the text above it is written by hand.
inline constexpr std::string_view kGeneratedMark = "<!-- generated from here on; document_test.cc says how -->\n";

// Every section with its keys: type, default, limits, choices, meaning; what is not supported and why; srtslurm.yaml likewise;
// then the programs whose flags are known.
std::string key_reference();

}  // namespace infbench::recipe
