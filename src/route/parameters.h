// PolicyParameters: what a recipe or a command line may set about policies; the defaults are those of sglang-router 0.3.2's
// command line. A value.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "base/types.h"

namespace infbench::route {

struct PolicyParameters {
  // cache_aware
  double cache_threshold = 0.3;              // least share of the prompt that must match, [0, 1]; a match must be above it
  std::int64_t balance_abs_threshold = 64;   // requests; with the next: loads further apart than both are an imbalance
  double balance_rel_threshold = 1.5;        // most loaded / least loaded
  std::int64_t max_tree_size = 1 << 26;      // characters kept per worker
  Duration eviction_interval = seconds(60);  // 0: never
  // min_ttft
  Tokens chunk = 8192;  // the engines' chunked-prefill-size, > 0
};

}  // namespace infbench::route
