// PolicyParameters: what a recipe or a command line may set about policies. The defaults are those of the policy's origin:
// sglang-router 0.3.2's command line, its successor smg 1.13 (prefix_hash, least_load), Dynamo (kv), llm-d (llmd). A value.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "base/types.h"

namespace infbench::route {

struct PolicyParameters {
  enum class AssignmentMode : std::uint8_t { random, min_load, min_group };
  enum class QueueOrder : std::uint8_t { fcfs, lcfs, wspt };  // first come, last come, least to compute first

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
  // power_of_two
  Duration load_poll{};  // workers' tokens are as they were at the last multiple of it; 0: as they are
  // prefix_hash
  Tokens prefix_token_count = 256;  // > 0
  double load_factor = 1.25;        // >= 1; most requests of a worker, in shares of the mean
  // consistent_hash
  Tokens hash_token_count = 1024;  // > 0; of requests without a key
  // least_load
  double drain_tokens_per_s = 2000;  // > 0; prompt tokens that a worker computes
  double kv_pressure_weight = 0.15;  // seconds
  // kv
  double overlap_credit = 1;         // >= 0; of a block that the worker has
  double overlap_credit_decay = 0;   // >= 0; by prompts that the worker has in excess of the least loaded one
  double prefill_load_scale = 1;     // >= 0
  double active_request_weight = 0;  // >= 0; blocks
  double temperature = 0;            // >= 0
  double queue_threshold = 16;       // chunks of prompt tokens on every worker from which on requests wait; 0: they never do
  QueueOrder queue_order = QueueOrder::fcfs;
  bool use_kv_events = true;
  Duration approximate_ttl = seconds(120);  // without KV events
  // llmd
  double queue_weight = 2;
  double kv_weight = 2;
  double prefix_weight = 3;
  Tokens prefix_tokens_max = 4096;  // 256 blocks of 16
  Tokens lru_tokens = 500'000;      // 31,250 blocks of 16, for each worker
  // slo
  Duration hold_most = seconds(60);  // >= 0; a request that misses a limit anyway waits no longer for the others
  // min_ttft, slo; kv: queue_threshold
  Tokens chunk = 8192;  // the engines' chunked-prefill-size, > 0
};

}  // namespace infbench::route
