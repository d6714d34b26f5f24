// PolicyParameters: what a recipe or a command line may set about policies; the defaults are those of sglang-router 0.3.2's
// command line. A value.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "base/types.h"

namespace infbench::route {

struct PolicyParameters {
  enum class AssignmentMode : std::uint8_t { random, min_load, min_group };

  bool spread_cold = false;  // cache_aware: of equally loaded workers the one with the smallest tree, not the first in list;
                             // min_ttft: of equally good ones the one that was sent nothing for longest
  // cache_aware; manual: eviction_interval
  double cache_threshold = 0.3;              // least share of the prompt that must match, [0, 1]; a match must be above it
  std::int64_t balance_abs_threshold = 64;   // requests; with the next: loads further apart than both are an imbalance
  double balance_rel_threshold = 1.5;        // most loaded / least loaded
  std::int64_t max_tree_size = 1 << 26;      // characters kept per worker
  Duration eviction_interval = seconds(60);  // 0: never
  // manual
  AssignmentMode assignment_mode = AssignmentMode::random;  // of a key that is new
  Duration max_idle = seconds(14'400);                      // of a key, after that it is new again
  // bucket; it looks at the balance thresholds too, in characters
  Duration bucket_adjust_interval = seconds(5);  // > 0
  // min_ttft
  Tokens chunk = 8192;  // the engines' chunked-prefill-size, > 0
};

}  // namespace infbench::route
