#include "route/llmd.h"

#include <gtest/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

std::vector<WorkerSpec> two() { return workers_of({Role::aggregated, Role::aggregated}); }

TEST(Llmd, WeighsQueueKvAndPrefix) {
  struct Row {
    const char* what;
    int waiting[2];
    Tokens used[2];  // of 1,000,000
    int matched;     // pages of 10 that worker 1 was sent
    std::uint32_t expected;
  };
  // Weights 2, 2, 3.
  constexpr Row kRows[] = {
      {"a shorter queue", {1, 0}, {0, 0}, 0, 1},
      {"its score is relative: 2 points for one request less", {1, 2}, {900'000, 0}, 0, 0},  // 2 + .2 against 0 + 2
      {"less KV in use", {3, 3}, {400'000, 300'000}, 0, 1},
      {"a whole match is worth 3 points", {0, 5}, {0, 400'000}, 10, 1},   // 4 against 0 + 1.2 + 3
      {"half of it is not enough for that", {0, 5}, {0, 400'000}, 5, 0},  // 4 against 2.7
      {"more in use than there is counts as full", {0, 0}, {5'000'000, 999'999}, 0, 1},
  };
  for (const Row& row : kRows) {
    PolicyBench bench(policy_named("llmd"), two());
    if (row.matched > 0) bench.dispatch(view_of(1, prompt_of({{1, row.matched}})), {.worker = WorkerId{1}});
    for (std::size_t i = 0; i < 2; ++i) {
      bench.views[i].waiting = row.waiting[i];
      bench.views[i].kv_used = row.used[i];
    }
    for (std::uint64_t id = 2; id < 12; ++id) {
      const Pick pick = bench.ask(view_of(id, prompt_of({{1, 10}})));
      EXPECT_EQ(pick.worker.value, row.expected) << row.what;
      EXPECT_EQ(pick.why, Reason::highest_score);
      EXPECT_EQ(pick.cached, row.expected == 1 ? row.matched * kPage : 0);
    }
  }
}

TEST(Llmd, LooksAt4096TokensOfAPrompt) {
  PolicyBench bench(policy_named("llmd"), two());
  bench.dispatch(view_of(1, prompt_of({{1, 64}, {2, 500}})), {.worker = WorkerId{1}});
  const Pick pick = bench.ask(view_of(2, prompt_of({{1, 64}, {3, 900}})));
  EXPECT_EQ(pick.worker.value, 1u);
  EXPECT_EQ(pick.cached, 4096) << "a full match, however much follows";
}

TEST(Llmd, RemembersTheLatestTokensOnly) {
  PolicyParameters parameters;
  parameters.lru_tokens = 30 * kPage;
  PolicyBench bench(std::make_unique<Llmd>(parameters), two());
  for (std::uint64_t i = 1; i <= 4; ++i) bench.dispatch(view_of(i, prompt_of({{i, 10}})), {.worker = WorkerId{1}});
  bench.views[0].waiting = 1;
  EXPECT_EQ(bench.ask(view_of(9, prompt_of({{1, 10}}))).cached, 0);
  EXPECT_EQ(bench.ask(view_of(9, prompt_of({{2, 10}}))).cached, 640);
}

TEST(Llmd, TiesGoByLot) {
  PolicyBench bench(policy_named("llmd"), two());
  int first = 0;
  for (std::uint64_t id = 0; id < 2'000; ++id) first += bench.ask(view_of(id, prompt_of({{1, 3}}))).worker.value == 0 ? 1 : 0;
  EXPECT_NEAR(first, 1'000, 100);
}

}  // namespace
}  // namespace infbench::route::testing
