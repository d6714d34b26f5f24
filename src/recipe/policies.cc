#include "recipe/policies.h"

#include <array>

namespace infbench::recipe {
namespace {

constexpr auto kPolicies = std::to_array<PolicyInfo>({
    {.name = "cache_aware",
     .sglang = true,
     .sglang_prefill = true,
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the worker with the longest matching prefix, or the least loaded one when loads are too far apart"},
    {.name = "round_robin",
     .sglang = true,
     .sglang_prefill = true,
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the workers in turn"},
    {.name = "random",
     .sglang = true,
     .sglang_prefill = true,
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "any worker"},
    {.name = "slo",
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the worker where most requests meet their limits, this one and those already there"},
    {.name = "kv",
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "Dynamo's: the least cost of prompts to compute and KV in use"},
    {.name = "llmd",
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "llm-d's: the highest weighted sum of scores for queue, KV and prefix"},
    {.name = "least_load",
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the least seconds of prompts to compute, and KV that is not full"},
    {.name = "prefix_hash",
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the worker that the hash of the prompt's beginning falls on, unless it has too many requests"},
    {.name = "consistent_hash",
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the worker that the hash of the routing key, or of the prompt's beginning, falls on"},
    {.name = "min_ttft",
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the worker with the least estimated time to first token"},
    {.name = "power_of_two",
     .sglang = true,
     .sglang_prefill = true,
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the less loaded of two workers drawn at random"},
    {.name = "manual",
     .sglang = true,
     .sglang_prefill = true,
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "the worker that the request's routing key stuck to before"},
    {.name = "bucket",
     .sglang_prefill = true,
     .srtctl = true,
     .srtctl_prefill = true,
     .modelled = true,
     .what = "workers by the length of the prompt"},
});

}  // namespace

std::span<const PolicyInfo> policies() { return kPolicies; }

const PolicyInfo* find_policy(std::string_view name) {
  for (const PolicyInfo& policy : kPolicies) {
    if (policy.name == name) return &policy;
  }
  return nullptr;
}

std::vector<std::string_view> policies_of(std::string_view frontend_type, bool prefill) {
  std::vector<std::string_view> names;
  for (const PolicyInfo& policy : kPolicies) {
    const bool has = frontend_type == "srtctl" ? (prefill ? policy.srtctl_prefill : policy.srtctl)
                                               : (prefill ? policy.sglang_prefill : policy.sglang);
    if (has) names.push_back(policy.name);
  }
  return names;
}

}  // namespace infbench::recipe
