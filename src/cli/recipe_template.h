// The recipe that `srtctl init` writes. A pure function, any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/init_options.h"

namespace infbench::cli {

// A commented recipe for the wish. Errors: GPUs that cannot be shared out, a model's name that is none.
Result<std::string> recipe_template(const InitOptions& wish);

}  // namespace infbench::cli
