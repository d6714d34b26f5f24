#include "route/kv_policy.h"

#include <gtest/gtest.h>

#include "route/exponential.h"
#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

std::vector<WorkerSpec> two() { return workers_of({Role::aggregated, Role::aggregated}); }

PolicyBench bench_of(const PolicyParameters& parameters, const std::vector<WorkerSpec>& specs = two()) {
  return PolicyBench(std::make_unique<KvCost>(parameters), specs);
}

// A worker has computed this prompt and holds the request, or is done with it.
void serve(PolicyBench& bench, std::uint32_t worker, std::uint64_t id, const Prompt& prompt, bool done) {
  bench.dispatch(view_of(id, prompt), {.worker = WorkerId{worker}});
  bench.tell(Event::What::first_token, WorkerId{worker}, RequestId{id});
  if (done) bench.tell(Event::What::finished, WorkerId{worker}, RequestId{id});
}

TEST(KvCost, AHitCountsAsManyBlocksAsItSaves) {
  PolicyBench bench = bench_of({});
  serve(bench, 1, 1, prompt_of({{1, 10}}), true);
  Pick pick = bench.ask(view_of(2, prompt_of({{1, 10}, {2, 20}})));
  EXPECT_EQ(pick.worker.value, 1u);
  EXPECT_EQ(pick.cached, 640);
  EXPECT_EQ(pick.why, Reason::least_cost);
  bench.views[1].uncomputed = 9 * kPage;  // 9 blocks to compute against 10 that are there
  EXPECT_EQ(bench.ask(view_of(2, prompt_of({{1, 10}, {2, 20}}))).worker.value, 1u);
  bench.views[1].uncomputed = 11 * kPage;
  EXPECT_EQ(bench.ask(view_of(2, prompt_of({{1, 10}, {2, 20}}))).worker.value, 0u);
}

TEST(KvCost, BlocksInUseCountOnceHoweverManyShareThem) {
  PolicyParameters parameters;
  parameters.overlap_credit = 0;
  PolicyBench bench = bench_of(parameters);
  // Worker 0: two requests with 10 blocks in common, 14 in all. Worker 1: one with 13.
  serve(bench, 0, 1, prompt_of({{1, 10}, {2, 2}}), false);
  serve(bench, 0, 2, prompt_of({{1, 10}, {3, 2}}), false);
  serve(bench, 1, 3, prompt_of({{4, 13}}), false);
  EXPECT_EQ(bench.ask(view_of(4, prompt_of({{9, 5}}))).worker.value, 1u);
  serve(bench, 1, 5, prompt_of({{4, 13}, {5, 2}}), false);  // 15 now
  EXPECT_EQ(bench.ask(view_of(4, prompt_of({{9, 5}}))).worker.value, 0u);
  EXPECT_EQ(bench.ask(view_of(4, prompt_of({{4, 13}}))).worker.value, 1u) << "the new one's blocks are in use there already";
  bench.tell(Event::What::finished, WorkerId{1}, RequestId{3});
  bench.tell(Event::What::finished, WorkerId{1}, RequestId{5});
  EXPECT_EQ(bench.ask(view_of(4, prompt_of({{9, 5}}))).worker.value, 1u);
}

TEST(KvCost, APrefixIsKnownFromTheFirstTokenOnUnlessGuessed) {
  const Prompt prompt = prompt_of({{1, 10}});
  for (const bool events : {true, false}) {
    PolicyParameters parameters;
    parameters.use_kv_events = events;
    PolicyBench bench = bench_of(parameters);
    bench.dispatch(view_of(1, prompt), {.worker = WorkerId{1}});
    EXPECT_EQ(bench.ask(view_of(2, prompt_of({{1, 10}, {2, 5}}))).cached, events ? 0 : 640);
    bench.tell(Event::What::first_token, WorkerId{1}, RequestId{1});
    bench.tell(Event::What::finished, WorkerId{1}, RequestId{1});
    EXPECT_EQ(bench.ask(view_of(2, prompt_of({{1, 10}, {2, 5}}))).cached, 640);
    bench.now = Time{} + seconds(121);
    bench.tell(Event::What::finished, WorkerId{1}, RequestId{99});
    EXPECT_EQ(bench.ask(view_of(2, prompt_of({{1, 10}, {2, 5}}))).cached, events ? 640 : 0) << "the guess lives for 120 s";
  }
}

TEST(KvCost, DecodeWorkersAreComparedByBlocksAlone) {
  PolicyBench bench = bench_of({}, workers_of({Role::decode, Role::decode}));
  bench.views[0].uncomputed = 1'000'000;
  const Prompt prompt = prompt_of({{1, 10}});
  RequestView request = view_of(1, prompt);
  request.stage = Stage::decode;
  EXPECT_EQ(bench.send(request).worker.value, 0u);
  request.id = RequestId{2};
  const Prompt other_prompt = prompt_of({{2, 3}});
  RequestView other = view_of(2, other_prompt);
  other.stage = Stage::decode;
  EXPECT_EQ(bench.ask(other).worker.value, 1u);
  EXPECT_EQ(bench.ask(other).cached, 0);
}

TEST(KvCost, RequestsWaitWhileEveryWorkerHasTooMuchToCompute) {
  using Order = PolicyParameters::QueueOrder;
  for (const Order order : {Order::fcfs, Order::lcfs, Order::wspt}) {
    PolicyParameters parameters;
    parameters.chunk = 1'000;
    parameters.queue_order = order;
    PolicyBench bench = bench_of(parameters);
    bench.views[0].uncomputed = 16'001;
    bench.views[1].uncomputed = 16'000;
    const Prompt prompt = prompt_of({{1, 10}});
    const RequestView request = view_of(1, prompt, 100, Time{} + seconds(3));
    EXPECT_EQ(bench.ask(request).worker.value, 1u);
    bench.views[1].uncomputed = 16'001;
    const auto answer = bench.try_ask(request);
    ASSERT_TRUE(std::holds_alternative<Hold>(answer));
    const std::int64_t expected = order == Order::fcfs ? 0 : order == Order::lcfs ? -seconds(3).ns : 640;
    EXPECT_EQ(std::get<Hold>(answer).rank, expected);
    EXPECT_TRUE(std::get<Hold>(answer).closes);
  }
}

TEST(KvCost, ATemperatureSpreads) {
  PolicyParameters parameters;
  parameters.temperature = 1;
  PolicyBench bench = bench_of(parameters);
  serve(bench, 1, 1, prompt_of({{1, 10}}), true);
  int hits = 0;
  for (std::uint64_t id = 0; id < 10'000; ++id) {
    hits += bench.ask(view_of(id, prompt_of({{1, 10}, {2, 20}}))).worker.value == 1 ? 1 : 0;
  }
  EXPECT_NEAR(hits, 7'311, 150) << "softmax over costs scaled to a width of 1";
}

TEST(Exponential, IsEToTheX) {
  constexpr std::pair<double, double> kRows[] = {{0.0, 1.0},
                                                 {-1e-09, 0.999999999},
                                                 {-0.1, 0.9048374180359595},
                                                 {-1.0, 0.36787944117144233},
                                                 {-7.5, 0.0005530843701478336},
                                                 {-50.0, 1.9287498479639178e-22},
                                                 {-600.0, 2.6503965530043108e-261}};
  for (const auto& [x, expected] : kRows) EXPECT_NEAR(exponential(x) / expected, 1, 1e-9) << x;
  EXPECT_EQ(exponential(-800), 0);
}

}  // namespace
}  // namespace infbench::route::testing
