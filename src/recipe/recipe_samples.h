// Recipes for tests: small ones that are right, and a way to spoil them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recipe/read_recipe.h"

namespace infbench::recipe {

// Aggregated: 8 workers of 2 GPUs on 2 nodes. Errors in the tests name its lines.
inline constexpr std::string_view kAggregated = R"(name: sample
model:
  path: /models/Qwen3-32B
  container: lmsysorg/sglang:v0.5.6.post2
  precision: bf16
resources:
  gpu_type: h200
  gpus_per_node: 8
  agg_nodes: 2
  agg_workers: 8
frontend:
  type: sglang
  enable_multiple_frontends: false
  args:
    policy: round_robin
backend:
  type: sglang
  sglang_config:
    aggregated:
      tensor-parallel-size: 2
      page-size: 64
benchmark:
  type: mooncake-router
  mooncake_workload: conversation
  ttft_threshold_ms: 2000
  itl_threshold_ms: 25
)";

// Disaggregated: 6 prefill and 2 decode workers of 2 GPUs on the same 2 nodes.
inline constexpr std::string_view kDisaggregated = R"(name: sample
model:
  path: /models/Qwen3-32B
  container: lmsysorg/sglang:v0.5.6.post2
  precision: bf16
resources:
  gpu_type: h200
  gpus_per_node: 8
  prefill_nodes: 2
  prefill_workers: 6
  decode_nodes: 0
  decode_workers: 2
frontend:
  type: sglang
  enable_multiple_frontends: false
backend:
  sglang_config:
    prefill:
      tensor-parallel-size: 2
    decode:
      tensor-parallel-size: 2
benchmark:
  type: mooncake-router
)";

// `text` with the first occurrence of each `from` replaced by its `to`. A `from` that is not there gives a text that no test
// expects.
using Edits = std::vector<std::pair<std::string, std::string>>;
inline std::string edited(std::string_view text, const Edits& edits) {
  std::string out(text);
  for (const auto& [from, to] : edits) {
    const std::size_t at = out.find(from);
    if (at == std::string::npos) return "the text to edit is not there: " + std::string(from);
    out.replace(at, from.size(), to);
  }
  return out;
}

// Each of them a --set.
inline std::vector<Edit> all_set(const std::vector<std::string>& sets) {
  std::vector<Edit> out;
  for (const std::string& set : sets) out.push_back({Edit::Kind::set, set});
  return out;
}

}  // namespace infbench::recipe
