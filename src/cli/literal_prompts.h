// Traces with literal prompts, for the commands that read one: how its tokens are counted. One thread.
#pragma once

#include "trace/row_reader.h"

namespace infbench::cli {

// Counts by the built-in words, which are loaded when the first literal prompt comes.
trace::ReadOptions literal_prompts();

}  // namespace infbench::cli
