// What the end-to-end tests share: the built srtctl, the two recipes, small traces, and a folder of their own to write to. One
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "process.h"

namespace infbench::tests {

inline constexpr std::string_view kAggregated = "recipies/qwen3-32b/agg-round-robin.yaml";
inline constexpr std::string_view kDisaggregated = "recipies/qwen3-32b/disagg-kv-router.yaml";

// Two workers that `submit --launcher local` runs on this machine, ten times as fast as they are.
inline constexpr std::string_view kSmallRecipe = R"(name: small
model:
  path: /models/Qwen3-32B
  container: none
  precision: bf16
resources:
  gpu_type: h200
  gpus_per_node: 4
  agg_nodes: 1
  agg_workers: 2
frontend:
  type: sglang
  enable_multiple_frontends: false
  args:
    policy: round_robin
backend:
  type: model
  sglang_config:
    aggregated:
      served-model-name: Qwen/Qwen3-32B
      tensor-parallel-size: 2
      page-size: 64
benchmark:
  type: mooncake-router
  mooncake_workload: conversation
  warmup_requests: 2
health_check:
  max_attempts: 60
  interval_seconds: 1
engine:
  time_scale: 10
)";

// The srtctl of the build that the tests belong to, started in the project's root.
Finished srtctl(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});

// The srtctl of build/PRESET, which `./dev test` has built.
std::string srtctl_of_preset(std::string_view preset);

// A new empty folder for the test that is running; what an earlier run left there is gone.
std::string scratch_folder();

std::string read_text(const std::string& path);
std::string write_text(const std::string& path, std::string_view text);  // the path again

// A stand-in for the conversation trace with 400 requests, made by srtctl at its first use.
const std::string& small_trace();

std::size_t lines_of(const std::string& text);  // how many ends of a line are in it

bool is_json(std::string_view text);

// The text without the numbers of "wall_s" and "cpu_s": the only ones in a JSON document of srtctl that differ from run to run.
std::string without_timings(std::string_view json);

}  // namespace infbench::tests
