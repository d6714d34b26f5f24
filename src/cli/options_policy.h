// The flags that set PolicyParameters: one table for the command line of `srtctl route` and for `frontend.args` of a recipe.
// What they are called where the policy comes from, they are called here. Called once at start, any thread.
#pragma once

#include "recipe/value.h"
#include "route/parameters.h"

namespace CLI {
class App;
}

namespace infbench::cli {

// Options of `app` that write into `parameters`, which outlives it. Its present values are shown as defaults.
void add_policy_flags(CLI::App& app, route::PolicyParameters& parameters);

// What `args` say; the rest as it is. Types have been checked, ranges have not: make_policy() does.
void read_policy_flags(const recipe::Flags& args, route::PolicyParameters& parameters);

}  // namespace infbench::cli
