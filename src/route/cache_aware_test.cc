#include "route/cache_aware.h"

#include <gtest/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

PolicyBench bench_of(const PolicyParameters& parameters = {}) {
  return {std::make_unique<CacheAware>(parameters), workers_of({Role::aggregated, Role::aggregated, Role::aggregated})};
}

void set_loads(PolicyBench& bench, std::initializer_list<int> loads) {
  std::size_t i = 0;
  for (const int load : loads) {
    bench.views[i].waiting = load / 2;
    bench.views[i++].running = load - load / 2;
  }
}

TEST(CacheAware, GoldenChoices) {
  const Prompt a = prompt_of({{1, 10}});
  const Prompt a_long = prompt_of({{1, 10}, {2, 20}});         // 10 of 30 pages: 33 %
  const Prompt a_longer = prompt_of({{1, 10}, {3, 22}}, 63);   // 10 of 32.98: 30.3 %
  const Prompt a_longest = prompt_of({{1, 10}, {4, 23}}, 22);  // 10 of 33.34: just below 30 %
  const Prompt cold = prompt_of({{9, 10}});
  struct Case {
    const char* what;
    const Prompt& prompt;
    std::initializer_list<int> loads;
    std::uint32_t worker;
    Reason why;
    Tokens cached;
  };
  const Case cases[] = {
      {"cold: least load", a, {3, 2, 2}, 1, Reason::least_load, 0},
      {"its holder, though busier", a, {0, 5, 0}, 1, Reason::longest_match, 640},
      {"above the threshold", a_long, {0, 5, 0}, 1, Reason::longest_match, 640},
      {"just above it", a_longer, {0, 5, 0}, 1, Reason::longest_match, 640},
      {"just below it", a_longest, {0, 5, 0}, 0, Reason::least_load, 0},
      {"64 apart is balanced", a, {0, 64, 0}, 1, Reason::longest_match, 640},
      {"65 apart is not", a, {1, 65 + 1, 0}, 2, Reason::imbalance, 0},
      {"65 apart, less than 1.5 times", a, {140, 200, 135}, 1, Reason::longest_match, 640},
      {"imbalance updated the tree, the first holder stays", a, {5, 5, 0}, 1, Reason::longest_match, 640},
      {"imbalance counts the hit it is lucky to find", a, {100, 100, 0}, 2, Reason::imbalance, 640},
      {"cold again: ties go to the first", cold, {2, 1, 1}, 1, Reason::least_load, 0},
  };
  PolicyBench bench = bench_of();
  std::uint64_t id = 0;
  for (const Case& each : cases) {
    set_loads(bench, each.loads);
    const Pick pick = bench.send(view_of(++id, each.prompt));
    EXPECT_EQ(pick.worker.value, each.worker) << each.what;
    EXPECT_EQ(name_of(pick.why), name_of(each.why)) << each.what;
    EXPECT_EQ(pick.cached, each.cached) << each.what;
  }
}

TEST(CacheAware, ColdPromptsAtEqualLoadAreSpreadWhereAskedFor) {
  PolicyParameters parameters;
  parameters.spread_cold = true;
  PolicyBench bench = bench_of(parameters);
  std::vector<int> count(3);
  for (std::uint64_t id = 1; id <= 200; ++id) {
    const Pick pick = bench.send(view_of(id, prompt_of({{1000 + id, 10}})));
    EXPECT_EQ(pick.why, Reason::least_load);
    ++count[pick.worker.value];
  }
  for (const int n : count) EXPECT_NEAR(n, 200 / 3, 1);
  // The next turn of each goes to where its first one was.
  EXPECT_EQ(bench.send(view_of(300, prompt_of({{1001, 10}, {1, 2}}))).worker.value, 0U);
  EXPECT_EQ(bench.send(view_of(301, prompt_of({{1002, 10}, {1, 2}}))).worker.value, 1U);
  set_loads(bench, {1, 0, 2});  // load goes first
  EXPECT_EQ(bench.send(view_of(302, prompt_of({{2001, 10}}))).worker.value, 1U);
}

TEST(CacheAware, ColdPromptsAtEqualLoadAllGoToTheFirst) {
  PolicyBench bench = bench_of();
  for (std::uint64_t id = 0; id < 200; ++id) {
    const Prompt prompt = prompt_of({{100 + id, 5}});
    EXPECT_EQ(bench.send(view_of(id, prompt)).worker.value, 0u);
  }
}

TEST(CacheAware, WithoutAHolderTheFirstThatCanBeHad) {
  PolicyBench bench = bench_of();
  const std::vector<WorkerView> all = bench.views;
  const Prompt prompt = prompt_of({{1, 10}});
  set_loads(bench, {1, 1, 0});
  EXPECT_EQ(bench.send(view_of(1, prompt)).worker.value, 2u);

  // Tried and left out once: it stays the holder.
  bench.views = {all[0], all[1]};
  set_loads(bench, {3, 0});
  const Pick retry = bench.send(view_of(2, prompt));
  EXPECT_EQ(retry.worker.value, 0u);
  EXPECT_EQ(retry.why, Reason::holder_gone);
  bench.views = all;
  EXPECT_EQ(bench.send(view_of(3, prompt)).worker.value, 2u);

  // Down when somebody asks: it loses what it held, 0 inherits.
  bench.tell(Event::What::down, WorkerId{2});
  bench.views = {all[0], all[1]};
  EXPECT_EQ(bench.send(view_of(4, prompt)).why, Reason::holder_gone);
  const Pick next = bench.send(view_of(5, prompt));
  EXPECT_EQ(next.worker.value, 0u);
  EXPECT_EQ(next.why, Reason::longest_match);
  bench.tell(Event::What::up, WorkerId{2});
  bench.views = all;
  EXPECT_EQ(bench.send(view_of(6, prompt)).worker.value, 0u);
}

TEST(CacheAware, DownAndUpWithNobodyAskingForgetsNothing) {
  PolicyBench bench = bench_of();
  const Prompt prompt = prompt_of({{1, 10}});
  set_loads(bench, {1, 0, 1});
  bench.send(view_of(1, prompt));
  bench.tell(Event::What::down, WorkerId{1});
  bench.tell(Event::What::up, WorkerId{1});
  EXPECT_EQ(bench.send(view_of(2, prompt)).why, Reason::longest_match);
}

TEST(CacheAware, CutsTheTreeEveryInterval) {
  PolicyParameters parameters;
  parameters.max_tree_size = 10 * 64 * 4;  // ten pages
  PolicyBench bench = bench_of(parameters);
  const Prompt first = prompt_of({{1, 10}});
  const Prompt second = prompt_of({{2, 10}});
  const Prompt third = prompt_of({{3, 1}});
  bench.send(view_of(1, first));
  bench.now = Time{} + seconds(59);
  bench.send(view_of(2, second));
  EXPECT_EQ(bench.ask(view_of(3, first)).why, Reason::longest_match) << "not yet";
  bench.now = Time{} + seconds(61);
  bench.send(view_of(4, third));
  EXPECT_EQ(bench.ask(view_of(5, first)).why, Reason::least_load);
  EXPECT_EQ(bench.ask(view_of(6, second)).why, Reason::longest_match);
  bench.now = Time{} + seconds(119);  // the next is at 120 s, not 60 s after the last
  bench.send(view_of(7, first));
  EXPECT_EQ(bench.ask(view_of(8, second)).why, Reason::longest_match);
  bench.now = Time{} + seconds(120);
  bench.send(view_of(9, third));
  EXPECT_EQ(bench.ask(view_of(10, second)).why, Reason::least_load);
}

TEST(CacheAware, EmptyPromptsAndShortOnes) {
  PolicyBench bench = bench_of();
  set_loads(bench, {1, 0, 1});
  const Prompt short_one = prompt_of({}, 63);
  bench.send(view_of(1, short_one));
  EXPECT_EQ(bench.send(view_of(2, short_one)).why, Reason::least_load);
  EXPECT_EQ(bench.send(view_of(3, Prompt{})).why, Reason::least_load);
}

TEST(CacheAware, ExpectsNoHitAtDecode) {
  PolicyBench bench = bench_of();
  const Prompt prompt = prompt_of({{1, 10}});
  RequestView request = view_of(1, prompt);
  request.stage = Stage::decode;
  bench.send(request);
  const Pick pick = bench.send(request);
  EXPECT_EQ(pick.why, Reason::longest_match);
  EXPECT_EQ(pick.cached, 0);
}

}  // namespace
}  // namespace infbench::route::testing
