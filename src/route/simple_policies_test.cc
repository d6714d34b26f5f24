#include "route/simple_policies.h"

#include <array>

#include <gtest/gtest.h>

#include "route/factory.h"
#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

TEST(RoundRobin, TakesTurnsOverWorkersThatAreThere) {
  PolicyBench bench(std::make_unique<RoundRobin>(), workers_of({Role::aggregated, Role::aggregated, Role::aggregated}));
  const std::vector<WorkerView> all = bench.views;
  const std::vector<WorkerView> without_1 = {all[0], all[2]};
  struct Case {
    const std::vector<WorkerView>& there;
    std::uint32_t expected;
  };
  const Case cases[] = {{all, 0},       {all, 1},       {all, 2}, {all, 0},  // round
                        {without_1, 2}, {without_1, 0},                      // 1 went down when it was its turn
                        {all, 1},       {all, 2},       {all, 0}};           // and came back
  const Prompt prompt = prompt_of({{1, 2}});
  std::uint64_t id = 0;
  for (const Case& each : cases) {
    bench.views = each.there;
    const Pick pick = bench.send(view_of(++id, prompt));
    EXPECT_EQ(pick.worker.value, each.expected) << "request " << id;
    EXPECT_EQ(pick.why, Reason::turn);
    EXPECT_EQ(pick.cached, 0);
  }
}

TEST(RoundRobin, AskingAloneTakesNoTurn) {
  PolicyBench bench(std::make_unique<RoundRobin>(), workers_of({Role::aggregated, Role::aggregated}));
  const Prompt prompt = prompt_of({{1, 2}});
  EXPECT_EQ(bench.ask(view_of(1, prompt)).worker.value, 0u);
  EXPECT_EQ(bench.ask(view_of(1, prompt)).worker.value, 0u);
}

TEST(RandomChoice, EachWorkerGetsItsShareAndSeedsRepeat) {
  const RandomChoice policy;
  PolicyBench bench(std::make_unique<RandomChoice>(),
                    workers_of({Role::aggregated, Role::aggregated, Role::aggregated, Role::aggregated, Role::aggregated}));
  const Prompt prompt = prompt_of({{1, 2}});
  std::array<int, 5> count{};
  Random random(7);
  Random again(7);
  for (std::uint64_t id = 0; id < 10'000; ++id) {
    const Pick pick = std::get<Pick>(policy.pick(view_of(id, prompt), bench.views, random, {}));
    ++count[pick.worker.value];
    ASSERT_EQ(std::get<Pick>(policy.pick(view_of(id, prompt), bench.views, again, {})).worker, pick.worker);
    ASSERT_EQ(pick.why, Reason::chance);
  }
  // Chi-square with 4 degrees of freedom: 18.5 is passed once in a thousand seeds.
  double chi_square = 0;
  for (const int n : count) chi_square += (n - 2'000) * (n - 2'000) / 2'000.0;
  EXPECT_LT(chi_square, 18.5);
}

TEST(Factory, KnowsItsNames) {
  EXPECT_EQ(policy_names(),
            (std::vector<std::string_view>{"bucket", "cache_aware", "consistent_hash", "kv", "least_load", "llmd", "manual",
                                           "min_ttft", "power_of_two", "prefix_hash", "random", "round_robin", "slo"}));
  for (const std::string_view name : policy_names()) {
    const auto policy = make_policy(name, {});
    ASSERT_TRUE(policy.has_value()) << name;
    EXPECT_NE(*policy, nullptr);
  }
}

TEST(Factory, UnknownNameGivesTheNearestAndTheList) {
  const auto policy = make_policy("round_robbin", {});
  ASSERT_FALSE(policy.has_value());
  ASSERT_EQ(policy.error().size(), 1u);
  EXPECT_EQ(policy.error()[0].what, "expected the name of a routing policy, found 'round_robbin'");
  EXPECT_EQ(
      policy.error()[0].hint,
      "did you mean 'round_robin'? There are bucket, cache_aware, consistent_hash, kv, least_load, llmd, manual, min_ttft, "
      "power_of_two, prefix_hash, random, round_robin, slo");
  EXPECT_EQ(make_policy("x", {}).error()[0].hint,
            "there are bucket, cache_aware, consistent_hash, kv, least_load, llmd, manual, min_ttft, "
            "power_of_two, prefix_hash, random, round_robin, slo");
}

TEST(Factory, TellsAllParametersOutOfRange) {
  PolicyParameters parameters;
  parameters.cache_threshold = 1.5;
  parameters.balance_abs_threshold = -1;
  parameters.balance_rel_threshold = 0.5;
  parameters.max_tree_size = 0;
  parameters.eviction_interval = seconds(-1);
  parameters.chunk = 0;
  parameters.max_idle = seconds(-1);
  parameters.bucket_adjust_interval = {};
  const auto policy = make_policy("cache_aware", parameters);
  ASSERT_FALSE(policy.has_value());
  EXPECT_EQ(policy.error().size(), 8u);
}

TEST(Reasons, HaveNamesOfTheirOwn) {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Reason::holder_gone); ++i) names.push_back(name_of(static_cast<Reason>(i)));
  EXPECT_EQ(names, (std::vector<std::string_view>{"turn", "chance", "longest_match", "least_load", "imbalance", "least_ttft",
                                                  "least_context", "routing_key", "length", "holder_gone"}));
}

}  // namespace
}  // namespace infbench::route::testing
