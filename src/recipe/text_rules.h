// Rules for texts of a recipe that end up in a batch script or a path. Each returns what was expected, or empty when the text
// may stand. Pure, usable from any thread.
#pragma once

#include <string_view>

namespace infbench::recipe {

std::string_view check_name(std::string_view text);           // of a job
std::string_view check_word(std::string_view text);           // one word: no blanks, no control characters
std::string_view check_absolute_path(std::string_view text);  // of a local folder
std::string_view check_time_limit(std::string_view text);     // of Slurm: [days-]hours:minutes:seconds and its short forms

// The name of an environment variable.
std::string_view check_variable(std::string_view text);

}  // namespace infbench::recipe
