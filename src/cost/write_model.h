// Writes a Model as a data file that read_model_file() reads back to the same value. Pure, usable from any thread.
#pragma once

#include <string>

#include "cost/model.h"

namespace infbench::cost {

std::string model_file_text(const Model& model);

// What load() finds it by: "qwen3-32b.bf16.h200_sxm.tp2.sglang.yaml".
std::string model_file_name(const Key& key);

}  // namespace infbench::cost
