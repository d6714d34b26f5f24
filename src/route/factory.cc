#include "route/factory.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "route/cache_aware.h"
#include "route/hash_policies.h"
#include "route/kv_policy.h"
#include "route/llmd.h"
#include "route/load_policies.h"
#include "route/min_ttft.h"
#include "route/simple_policies.h"
#include "route/slo_policy.h"

namespace infbench::route {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Policy> (*make)(const PolicyParameters&);
};

constexpr auto kPolicies = std::to_array<Entry>({
    {"bucket", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<Bucket>(p); }},
    {"cache_aware", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<CacheAware>(p); }},
    {"consistent_hash",
     [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<ConsistentHash>(p); }},
    {"kv", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<KvCost>(p); }},
    {"least_load", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<LeastLoad>(p); }},
    {"llmd", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<Llmd>(p); }},
    {"manual", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<Manual>(p); }},
    {"min_ttft", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<MinTtft>(p); }},
    {"power_of_two", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<PowerOfTwo>(p); }},
    {"prefix_hash", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<PrefixHash>(p); }},
    {"random", [](const PolicyParameters&) -> std::unique_ptr<Policy> { return std::make_unique<RandomChoice>(); }},
    {"round_robin", [](const PolicyParameters&) -> std::unique_ptr<Policy> { return std::make_unique<RoundRobin>(); }},
    {"slo", [](const PolicyParameters& p) -> std::unique_ptr<Policy> { return std::make_unique<SloPolicy>(p); }},
});

Errors out_of_range(const PolicyParameters& parameters) {
  Errors errors;
  const auto expect = [&](bool fine, const char* what) {
    if (!fine) errors.push_back({.what = what, .hint = {}, .file = {}, .source_line = {}});
  };
  expect(parameters.cache_threshold >= 0 && parameters.cache_threshold <= 1, "expected a cache threshold from 0 to 1");
  expect(parameters.balance_abs_threshold >= 0, "expected an absolute balance threshold of 0 or more requests");
  expect(parameters.balance_rel_threshold >= 1, "expected a relative balance threshold of 1 or more");
  expect(parameters.max_tree_size > 0, "expected a tree size above 0 characters");
  expect(parameters.eviction_interval >= Duration{}, "expected an eviction interval of 0 or more");
  expect(parameters.max_idle >= Duration{}, "expected an idle time of 0 or more");
  expect(parameters.bucket_adjust_interval > Duration{}, "expected an interval between adjustments above 0");
  expect(parameters.load_poll >= Duration{}, "expected an interval between polls of 0 or more");
  expect(parameters.prefix_token_count > 0, "expected a prefix of more than 0 tokens");
  expect(parameters.hash_token_count > 0, "expected a beginning of more than 0 tokens");
  expect(parameters.load_factor >= 1, "expected a load factor of 1 or more");
  expect(parameters.drain_tokens_per_s > 0, "expected a throughput above 0 tokens per second");
  const auto weights = {parameters.kv_pressure_weight,    parameters.overlap_credit, parameters.overlap_credit_decay,
                        parameters.prefill_load_scale,    parameters.temperature,    parameters.queue_threshold,
                        parameters.active_request_weight, parameters.queue_weight,   parameters.kv_weight,
                        parameters.prefix_weight};
  expect(std::ranges::all_of(weights, [](double each) { return each >= 0; }),
         "expected weights, credits and thresholds of 0 or more");
  expect(parameters.hold_most >= Duration{}, "expected a time to hold requests of 0 or more");
  expect(parameters.approximate_ttl > Duration{}, "expected a time to live above 0");
  expect(parameters.prefix_tokens_max > 0 && parameters.lru_tokens > 0, "expected more than 0 tokens of prefixes to remember");
  expect(parameters.chunk > 0, "expected prefill chunks of more than 0 tokens");
  return errors;
}

}  // namespace

Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const PolicyParameters& parameters) {
  for (const Entry& entry : kPolicies) {
    if (entry.name != name) continue;
    if (Errors errors = out_of_range(parameters); !errors.empty()) return fail(std::move(errors));
    return entry.make(parameters);
  }
  const std::vector<std::string_view> names = policy_names();
  std::string hint = did_you_mean(name, names);
  hint += hint.empty() ? "there are " : " There are ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) hint += ", ";
    hint += names[i];
  }
  return fail("expected the name of a routing policy, found '" + std::string(name) + "'", std::move(hint));
}

std::optional<PolicyParameters::AssignmentMode> assignment_mode(std::string_view name) {
  using Mode = PolicyParameters::AssignmentMode;
  if (name == "random") return Mode::random;
  if (name == "min_load") return Mode::min_load;
  if (name == "min_group") return Mode::min_group;
  return std::nullopt;
}

std::optional<PolicyParameters::QueueOrder> queue_order(std::string_view name) {
  using Order = PolicyParameters::QueueOrder;
  if (name == "fcfs") return Order::fcfs;
  if (name == "lcfs") return Order::lcfs;
  if (name == "wspt") return Order::wspt;
  return std::nullopt;
}

std::vector<std::string_view> policy_names() {
  std::vector<std::string_view> names;
  names.reserve(std::size(kPolicies));
  for (const Entry& entry : kPolicies) names.push_back(entry.name);
  return names;
}

}  // namespace infbench::route
