// What `srtctl init`, `completion` and `man` are told. Values.
#pragma once

#include <string>

namespace infbench::cli {

struct InitOptions {
  std::string model = "Qwen/Qwen3-32B";
  std::string precision = "bf16";
  std::string gpu = "h200";
  int gpus = 8;        // in all
  int tp = 0;          // GPUs of a worker; 0: 2, or 1 when there is only one
  bool pairs = false;  // --disaggregated: prefill and decode workers apart
  std::string policy;  // empty: cache_aware
  std::string output = "recipe.yaml";
};

// The script that completes command lines.
struct CompletionOptions {
  std::string shell;  // bash
};

struct ManOptions {
  std::string folder;
};

}  // namespace infbench::cli
