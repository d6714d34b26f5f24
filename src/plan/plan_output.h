// A Plan for people and for programs: the text that `srtctl dry-run` prints, and the same as JSON. Pure, usable from any
// thread.
#pragma once

#include <string>

#include "base/json_writer.h"
#include "plan/plan.h"

namespace infbench::plan {

// Nodes, GPUs and ports as a table, then every command line in the order of start, quoted so that a shell takes it as it is.
// Ends with a newline. Here and in the JSON values of variables and flags whose names say key, token, secret or password are
// ***.
std::string to_text(const Plan& plan);

// One JSON object.
void write_json(const Plan& plan, JsonWriter& json);

}  // namespace infbench::plan
