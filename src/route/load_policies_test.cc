#include "route/load_policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

using ::testing::ElementsAre;
using Mode = PolicyParameters::AssignmentMode;

std::vector<WorkerSpec> workers(std::size_t count) {
  std::vector<WorkerSpec> specs;
  for (std::uint32_t i = 0; i < count; ++i) specs.push_back({.id = WorkerId{i}, .kv_capacity = 1'000'000});
  return specs;
}

void set_tokens(PolicyBench& bench, std::initializer_list<Tokens> loads) {
  std::size_t i = 0;
  for (const Tokens load : loads) bench.views[i++].kv_used = load;
}

// ---- power_of_two

TEST(PowerOfTwo, TakesTheOneWithFewerTokensOfEachPairEquallyOften) {
  PolicyBench bench(std::make_unique<PowerOfTwo>(PolicyParameters{}), workers(4));
  set_tokens(bench, {300, 100, 200, 400});
  const Prompt prompt = prompt_of({{1, 4}});
  std::vector<int> count(4);
  for (std::uint64_t id = 0; id < 12'000; ++id) ++count[bench.send(view_of(id, prompt)).worker.value];
  // Of the 6 pairs worker 1 wins 3, worker 2 wins 2, worker 0 wins 1.
  EXPECT_NEAR(count[1], 6'000, 250);
  EXPECT_NEAR(count[2], 4'000, 250);
  EXPECT_NEAR(count[0], 2'000, 250);
  EXPECT_EQ(count[3], 0);
}

TEST(PowerOfTwo, CountsTokensNotRequests) {
  PolicyBench bench(std::make_unique<PowerOfTwo>(PolicyParameters{}), workers(2));
  set_tokens(bench, {5'000, 4'000});
  bench.views[0].running = 1;
  bench.views[1].running = 50;
  const Prompt prompt = prompt_of({{1, 4}});
  for (std::uint64_t id = 0; id < 20; ++id) EXPECT_EQ(bench.ask(view_of(id, prompt)).worker.value, 1U);
  set_tokens(bench, {4'000, 4'000});
  for (std::uint64_t id = 0; id < 20; ++id) EXPECT_EQ(bench.ask(view_of(id, prompt)).worker.value, 0U);
}

TEST(PowerOfTwo, OneWorkerIsEnough) {
  PolicyBench bench(std::make_unique<PowerOfTwo>(PolicyParameters{}), workers(1));
  EXPECT_EQ(bench.ask(view_of(1, prompt_of({{1, 4}}))).worker.value, 0U);
}

// Polls at 0, 30, 60 s: in between everybody follows the last one, however long the queue has grown.
TEST(PowerOfTwo, KnowsWithPollsWhatThingsWereLike) {
  PolicyParameters parameters;
  parameters.load_poll = seconds(30);
  PolicyBench bench(std::make_unique<PowerOfTwo>(parameters), workers(2));
  const Prompt prompt = prompt_of({{1, 4}});
  std::vector<int> count(2);
  for (std::uint64_t id = 0; id < 1'000; ++id) ++count[bench.ask(view_of(id, prompt)).worker.value];
  EXPECT_NEAR(count[0], 500, 70) << "nothing is known: chance";
  bench.now = Time{} + seconds(10);
  for (std::uint64_t id = 0; id < 5; ++id) bench.dispatch(view_of(id, prompt), {.worker = WorkerId{0}});
  bench.now = Time{} + seconds(31);
  for (std::uint64_t id = 10; id < 60; ++id) EXPECT_EQ(bench.send(view_of(id, prompt)).worker.value, 1U) << "a herd";
  bench.now = Time{} + seconds(60);
  for (std::uint64_t id = 0; id < 5; ++id) bench.tell(Event::What::finished, WorkerId{0}, RequestId{id});
  EXPECT_EQ(bench.ask(view_of(99, prompt)).worker.value, 0U) << "5 prompts against 50";
}

// ---- least_load

TEST(LeastLoad, AddsPromptsToComputeAndKvInUse) {
  struct Row {
    Tokens uncomputed[2];
    Tokens used[2];  // of 1,000,000
    std::uint32_t expected;
  };
  // Seconds: tokens / 2,000 and 0.15 k / (1 - k).
  constexpr Row kRows[] = {
      {{1'000, 900}, {0, 0}, 1},         {{0, 0}, {500'000, 499'999}, 1},
      {{299, 0}, {0, 500'000}, 0},                                           // 0.1495 against 0.15
      {{301, 0}, {0, 500'000}, 1},       {{200'000, 0}, {0, 2'000'000}, 0},  // 100 against 149.85: a full one counts as 0.999
      {{300'000, 0}, {0, 2'000'000}, 1}, {{7, 7}, {7, 7}, 0}};
  for (const Row& row : kRows) {
    PolicyBench bench(policy_named("least_load"), workers(2));
    for (std::size_t i = 0; i < 2; ++i) {
      bench.views[i].uncomputed = row.uncomputed[i];
      bench.views[i].kv_used = row.used[i];
    }
    EXPECT_EQ(bench.ask(view_of(1, prompt_of({{1, 4}}))).worker.value, row.expected) << row.uncomputed[0] << ' ' << row.used[1];
  }
}

// ---- manual

struct Keys {
  explicit Keys(Mode mode, std::size_t count = 3) : bench(policy(mode), workers(count)) {}
  static std::unique_ptr<Policy> policy(Mode mode) {
    PolicyParameters parameters;
    parameters.assignment_mode = mode;
    return std::make_unique<Manual>(parameters);
  }
  Pick send(std::string_view key) {
    RequestView view = view_of(++id, prompt);
    view.key = key;
    return bench.send(view);
  }
  void leave_out(std::uint32_t worker) {
    std::erase_if(bench.views, [&](const WorkerView& view) { return view.id.value == worker; });
  }
  PolicyBench bench;
  Prompt prompt = prompt_of({{1, 4}});
  std::uint64_t id = 0;
};

TEST(Manual, AKeyStaysWhereItIs) {
  for (const Mode mode : {Mode::random, Mode::min_load, Mode::min_group}) {
    Keys keys(mode);
    const WorkerId first = keys.send("a").worker;
    set_tokens(keys.bench, {9'000, 8'000, 7'000});
    for (int i = 0; i < 20; ++i) {
      const Pick pick = keys.send("a");
      EXPECT_EQ(pick.worker, first);
      EXPECT_EQ(pick.why, Reason::routing_key);
    }
  }
}

TEST(Manual, NewKeysGoByTheMode) {
  Keys load(Mode::min_load);
  set_tokens(load.bench, {30, 10, 20});
  EXPECT_EQ(load.send("a").worker.value, 1U);
  EXPECT_EQ(load.send("").worker.value, 1U);
  set_tokens(load.bench, {5, 10, 20});
  EXPECT_EQ(load.send("b").worker.value, 0U);
  EXPECT_EQ(load.send("a").worker.value, 1U);

  Keys group(Mode::min_group);
  std::vector<std::uint32_t> chosen;
  for (const char* key : {"a", "b", "c", "d", "a", "a", "e"}) chosen.push_back(group.send(key).worker.value);
  EXPECT_THAT(chosen, ElementsAre(0, 1, 2, 0, 0, 0, 1));

  Keys random(Mode::random);
  std::vector<int> count(3);
  for (int i = 0; i < 3'000; ++i) ++count[random.send("key" + std::to_string(i)).worker.value];
  for (const int n : count) EXPECT_NEAR(n, 1'000, 150);
}

TEST(Manual, AKeyHasASecondWorkerForWhenTheFirstIsGone) {
  Keys keys(Mode::min_load);
  const auto all = keys.bench.views;
  EXPECT_EQ(keys.send("a").worker.value, 0U);
  keys.leave_out(0);
  EXPECT_EQ(keys.send("a").worker.value, 1U);
  set_tokens(keys.bench, {50, 0});
  EXPECT_EQ(keys.send("a").worker.value, 1U);  // though there is a less loaded one
  keys.bench.views = all;
  EXPECT_EQ(keys.send("a").worker.value, 0U);  // the first is back
  keys.leave_out(0);
  keys.leave_out(1);
  EXPECT_EQ(keys.send("a").worker.value, 2U);
  keys.bench.views = all;
  EXPECT_EQ(keys.send("a").worker.value, 1U);  // two are kept, the older one was let go
}

TEST(Manual, IdleKeysAreForgotten) {
  PolicyParameters parameters;
  parameters.assignment_mode = Mode::min_load;
  parameters.max_idle = seconds(100);
  auto owned = std::make_unique<Manual>(parameters);
  const Manual& policy = *owned;
  PolicyBench bench(std::move(owned), workers(2));
  const Prompt prompt = prompt_of({{1, 4}});
  const auto send = [&](std::string_view key) {
    RequestView view = view_of(1, prompt);
    view.key = key;
    return bench.send(view).worker.value;
  };
  EXPECT_EQ(send("a"), 0U);
  EXPECT_EQ(send("b"), 0U);
  set_tokens(bench, {10, 0});
  bench.now = bench.now + seconds(100);
  EXPECT_EQ(send("a"), 0U);
  bench.now = bench.now + seconds(50);
  EXPECT_EQ(send("b"), 1U);  // 150 s old: new again
  EXPECT_EQ(policy.keys(), 2U);
  bench.now = bench.now + seconds(1000);
  EXPECT_EQ(send("c"), 1U);
  EXPECT_EQ(policy.keys(), 1U);
}

// ---- bucket

struct Lengths {
  explicit Lengths(std::size_t count, std::int64_t abs_threshold = 1'000'000'000) {
    PolicyParameters parameters;
    parameters.balance_abs_threshold = abs_threshold;
    auto owned = std::make_unique<Bucket>(parameters);
    policy = owned.get();
    bench = std::make_unique<PolicyBench>(std::move(owned), workers(count));
  }
  Pick send(std::size_t chars) {
    RequestView view = view_of(++id, prompt);
    view.chars = chars;
    view.stage = Stage::prefill;
    return bench->send(view);
  }
  const Bucket* policy = nullptr;
  std::unique_ptr<PolicyBench> bench;
  Prompt prompt = prompt_of({{1, 4}});
  std::uint64_t id = 0;
};

TEST(Bucket, BeginsWithEqualRanges) {
  Lengths lengths(4);
  EXPECT_THAT(lengths.policy->edges(), ElementsAre(1024, 2048, 3072));
  for (const auto& [chars, worker] : std::vector<std::pair<std::size_t, std::uint32_t>>{
           {0, 0}, {1023, 0}, {1024, 1}, {2047, 1}, {2048, 2}, {3072, 3}, {1'000'000, 3}}) {
    const Pick pick = lengths.send(chars);
    EXPECT_EQ(pick.worker.value, worker) << chars;
    EXPECT_EQ(pick.why, Reason::length);
  }
}

TEST(Bucket, RangesFollowTheTrafficSoThatEachCarriesAsMuch) {
  Lengths lengths(2);
  for (int i = 0; i < 60; ++i) lengths.send(1'000);  // 60,000 characters
  for (int i = 0; i < 2; ++i) lengths.send(30'000);  // and as many again
  lengths.bench->now = lengths.bench->now + seconds(5);
  lengths.send(1);
  EXPECT_THAT(lengths.policy->edges(), ElementsAre(1'001));
  EXPECT_EQ(lengths.send(1'000).worker.value, 0U);
  EXPECT_EQ(lengths.send(1'001).worker.value, 1U);
  // Less than twice as much: they stay.
  for (int i = 0; i < 5; ++i) lengths.send(30'000);
  lengths.bench->now = lengths.bench->now + seconds(5);
  lengths.send(1);
  EXPECT_THAT(lengths.policy->edges(), ElementsAre(1'001));
  // More than twice as much: they are set anew.
  for (int i = 0; i < 20; ++i) lengths.send(50'000);
  lengths.bench->now = lengths.bench->now + seconds(5);
  lengths.send(1);
  EXPECT_THAT(lengths.policy->edges(), ElementsAre(50'001));
}

TEST(Bucket, AnImbalanceOfThePeriodGoesBeforeTheRange) {
  Lengths lengths(2, 64);
  EXPECT_EQ(lengths.send(100).worker.value, 0U);
  const Pick pick = lengths.send(100);  // 100 against 0
  EXPECT_EQ(pick.worker.value, 1U);
  EXPECT_EQ(pick.why, Reason::imbalance);
  EXPECT_EQ(lengths.send(100).worker.value, 0U);
}

TEST(Bucket, RangesAreOfTheWorkersThatAreUp) {
  Lengths lengths(2);
  lengths.bench->tell(Event::What::down, WorkerId{1});
  EXPECT_THAT(lengths.policy->edges(), ::testing::IsEmpty());
  lengths.bench->tell(Event::What::up, WorkerId{1});
  EXPECT_THAT(lengths.policy->edges(), ElementsAre(2048));
  lengths.bench->views.erase(lengths.bench->views.begin());  // up, but tried before
  const Pick pick = lengths.send(10);
  EXPECT_EQ(pick.worker.value, 1U);
  EXPECT_EQ(pick.why, Reason::least_load);
}

}  // namespace
}  // namespace infbench::route::testing
