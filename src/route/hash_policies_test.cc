#include "route/hash_policies.h"

#include <string>

#include <gtest/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

std::vector<WorkerSpec> four() { return workers_of({Role::aggregated, Role::aggregated, Role::aggregated, Role::aggregated}); }

TEST(HashRing, OnlyKeysOfTheOneThatIsMissingMove) {
  HashRing ring;
  PolicyBench bench(policy_named("round_robin"), four());
  for (const WorkerView& view : bench.views) ring.add(view.id);
  const std::vector<WorkerView> without(bench.views.begin(), bench.views.end() - 1);
  std::vector<int> keys(4);
  for (std::uint64_t i = 0; i < 4'000; ++i) {
    const std::uint64_t hash = mix64(i);
    const WorkerId home = ring.at(hash, bench.views).id;
    ++keys[home.value];
    if (home.value == 3) continue;
    EXPECT_EQ(ring.at(hash, without).id, home);
  }
  for (const int count : keys) EXPECT_NEAR(count, 1'000, 250) << "about as many each";
}

TEST(PrefixHash, LooksAtTheFirstTokensOnly) {
  PolicyBench bench(policy_named("prefix_hash"), four());  // 256 tokens: 4 pages
  const WorkerId home = bench.ask(view_of(1, prompt_of({{1, 4}}))).worker;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Pick pick = bench.ask(view_of(2, prompt_of({{1, 4}, {100 + i, 30}}, 17)));
    EXPECT_EQ(pick.worker, home);
    EXPECT_EQ(pick.why, Reason::prefix_hash);
  }
  std::vector<int> count(4);
  for (std::uint64_t i = 0; i < 400; ++i) ++count[bench.ask(view_of(3, prompt_of({{500 + i, 4}}))).worker.value];
  for (const int each : count) EXPECT_GT(each, 40) << "other beginnings go elsewhere";
}

// 7 requests and this one over 4 workers are 2 each, times 1.25 is 2.5: a home with 3 is passed over, one with 2 is not.
TEST(PrefixHash, LeavesAHomeThatHasTooMany) {
  PolicyBench bench(policy_named("prefix_hash"), four());
  const Prompt prompt = prompt_of({{1, 4}});
  const RequestView request = view_of(1, prompt);
  const WorkerId home = bench.ask(request).worker;
  for (WorkerView& view : bench.views) view.running = 2;
  bench.views[(home.value + 1) % 4].running = 1;
  EXPECT_EQ(bench.ask(request).worker, home);
  bench.views[home.value].waiting = 1;
  bench.views[(home.value + 1) % 4].running = 0;
  const Pick pick = bench.ask(request);
  EXPECT_EQ(pick.worker.value, (home.value + 1) % 4);
  EXPECT_EQ(pick.why, Reason::imbalance);
}

TEST(PrefixHash, APromptWithoutAPageGoesToTheLeastLoaded) {
  PolicyBench bench(policy_named("prefix_hash"), four());
  for (WorkerView& view : bench.views) view.running = 2;
  bench.views[2].running = 1;
  const Pick pick = bench.ask(view_of(1, prompt_of({}, 20)));
  EXPECT_EQ(pick.worker.value, 2u);
  EXPECT_EQ(pick.why, Reason::least_load);
}

TEST(ConsistentHash, FollowsTheKeyThenTheBeginning) {
  PolicyBench bench(policy_named("consistent_hash"), four());  // 1,024 tokens: 16 pages
  std::vector<int> count(4);
  for (std::uint64_t i = 0; i < 400; ++i) {
    const std::string key = "user-" + std::to_string(i);
    const Prompt prompt = prompt_of({{i, 20}});
    RequestView request = view_of(i, prompt);
    request.key = key;
    const Pick pick = bench.ask(request);
    EXPECT_EQ(pick.why, Reason::routing_key);
    const Prompt same_prompt = prompt_of({{7, 3}});
    RequestView again = view_of(i, same_prompt);
    again.key = key;
    EXPECT_EQ(bench.ask(again).worker, pick.worker) << "whatever it asks";
    ++count[pick.worker.value];
  }
  for (const int each : count) EXPECT_GT(each, 40);
  const Pick first = bench.ask(view_of(1, prompt_of({{1, 16}, {2, 9}})));
  EXPECT_EQ(first.why, Reason::prefix_hash);
  EXPECT_EQ(bench.ask(view_of(2, prompt_of({{1, 16}, {3, 40}}))).worker, first.worker);
  EXPECT_EQ(bench.ask(view_of(3, prompt_of({}, 9))).why, Reason::chance);
}

}  // namespace
}  // namespace infbench::route::testing
