// The text of a small file that a user wrote. Reads the file system; usable from any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace infbench::recipe {

inline constexpr std::size_t kMostRecipeBytes = 1U << 20U;  // of a recipe, of srtslurm.yaml

// At most one byte more than that, so that a longer one can be told. Error: the file cannot be read, and why; `hint` is what to
// do then.
Result<std::string> read_text_file(const std::string& path, const std::string& hint = {});

}  // namespace infbench::recipe
