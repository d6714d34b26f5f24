#include "route/min_ttft.h"

#include <gtest/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

// 0.1 ms a token: a page takes 6.4 ms.
class MinTtftTest : public ::testing::Test {
 protected:
  PolicyBench bench(bool timed, Tokens kv_capacity = 1'000'000, Role role = Role::aggregated) {
    return {std::make_unique<MinTtft>(PolicyParameters{}), workers_of({role, role}, timed ? &speed_ : nullptr, kv_capacity)};
  }
  // One worker alone: what it is thought to have cached shows in every answer.
  PolicyBench alone(Tokens kv_capacity = 1'000'000, Role role = Role::aggregated) {
    return {std::make_unique<MinTtft>(PolicyParameters{}), workers_of({role}, &speed_, kv_capacity)};
  }
  // The request's prompt is computed and it is through.
  static void finish(PolicyBench& bench, WorkerId worker, std::uint64_t id) {
    bench.tell(Event::What::first_token, worker, RequestId{id});
    bench.tell(Event::What::finished, worker, RequestId{id});
  }

  const cost::StepTime speed_ = round_speed();
};

TEST_F(MinTtftTest, PrefersTheWarmWorkerUntilItsQueueIsLongerThanTheRecomputation) {
  for (const bool timed : {true, false}) {
    PolicyBench bench = this->bench(timed);
    const Prompt warm = prompt_of({{1, 100}, {2, 10}});
    const Pick first = bench.send(view_of(1, prompt_of({{1, 100}})));
    EXPECT_EQ(first.worker.value, 0u);
    EXPECT_EQ(first.cached, 0);
    finish(bench, first.worker, 1);

    const Pick equal = bench.ask(view_of(2, warm));
    EXPECT_EQ(equal.worker.value, 0u) << "equally loaded: where the prefix is";
    EXPECT_EQ(equal.cached, 6400);
    EXPECT_EQ(equal.why, Reason::least_ttft);

    const Prompt other = prompt_of({{3, 99}});  // 6,336 tokens in the queue of the warm worker, 6,400 to recompute elsewhere
    bench.dispatch(view_of(3, other), {.worker = WorkerId{0}, .cached = 0});
    bench.views[0].uncomputed = 6336;
    EXPECT_EQ(bench.ask(view_of(4, warm)).worker.value, 0u) << "a little shorter than recomputing";
    const Prompt more = prompt_of({{4, 2}});
    bench.dispatch(view_of(5, more), {.worker = WorkerId{0}, .cached = 0});
    bench.views[0].uncomputed += 128;
    const Pick away = bench.ask(view_of(6, warm));
    EXPECT_EQ(away.worker.value, 1u) << "longer than recomputing";
    EXPECT_EQ(away.cached, 0);
  }
}

TEST_F(MinTtftTest, TimeGoneShortensTheQueue) {
  PolicyBench bench = this->bench(true);
  const Prompt long_one = prompt_of({{1, 100}});  // 640 ms
  bench.dispatch(view_of(1, long_one), {.worker = WorkerId{0}, .cached = 0});
  bench.dispatch(view_of(2, prompt_of({{2, 50}})), {.worker = WorkerId{1}, .cached = 0});  // 320 ms
  const Prompt next = prompt_of({{3, 1}});
  EXPECT_EQ(bench.ask(view_of(3, next)).worker.value, 1u);
  bench.now = Time{} + milliseconds(330);  // 1 should be through, 0 has half of its prompt to go
  bench.dispatch(view_of(4, prompt_of({{4, 60}})), {.worker = WorkerId{1}, .cached = 0});
  EXPECT_EQ(bench.ask(view_of(5, next)).worker.value, 0u);
}

TEST_F(MinTtftTest, TiesGoToTheFewestRunningThenTheLowestId) {
  for (const bool timed : {true, false}) {
    PolicyBench bench = this->bench(timed);
    const Prompt prompt = prompt_of({{1, 10}});
    EXPECT_EQ(bench.ask(view_of(1, prompt)).worker.value, 0u);
    bench.views[0].running = 3;
    bench.views[1].running = 2;
    EXPECT_EQ(bench.ask(view_of(1, prompt)).worker.value, 1u);
  }
}

TEST_F(MinTtftTest, AWholeHitStillComputesTheLastPage) {
  PolicyBench bench = alone();
  const Prompt prompt = prompt_of({{1, 10}});
  bench.send(view_of(1, prompt));
  EXPECT_EQ(bench.ask(view_of(2, prompt)).cached, 9 * kPage);
  EXPECT_EQ(bench.ask(view_of(3, prompt_of({{1, 10}}, 1))).cached, 10 * kPage);
}

TEST_F(MinTtftTest, ForgetsWhatAWorkerCannotHoldLeastRecentlyUsedFirst) {
  PolicyBench bench = alone(30 * kPage);
  const WorkerId zero{0};
  const auto send = [&](std::uint64_t id, const Prompt& prompt) {
    bench.dispatch(view_of(id, prompt, 64), {.worker = zero, .cached = 0});
    finish(bench, zero, id);
  };
  const Prompt a = prompt_of({{1, 10}}, 1);
  const Prompt b = prompt_of({{2, 10}}, 1);
  const Prompt c = prompt_of({{3, 10}}, 1);
  send(1, a);
  send(2, b);
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 10 * kPage);
  send(3, c);  // 30 pages of prompts and two for the partial page and the answer: too much
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 0);
  EXPECT_EQ(bench.ask(view_of(9, b)).cached, 10 * kPage);
  EXPECT_EQ(bench.ask(view_of(9, c)).cached, 10 * kPage);
}

TEST_F(MinTtftTest, PromptsInFlightAreNotEvicted) {
  PolicyBench bench = alone(20 * kPage);
  const Prompt a = prompt_of({{1, 10}}, 1);
  const Prompt b = prompt_of({{2, 10}}, 1);
  bench.dispatch(view_of(1, a, 1), {.worker = WorkerId{0}, .cached = 0});
  bench.dispatch(view_of(2, b, 1), {.worker = WorkerId{0}, .cached = 0});
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 10 * kPage);
}

TEST_F(MinTtftTest, AWorkerThatTellsIsNotGuessedAbout) {
  PolicyBench bench = alone();
  const WorkerId zero{0};
  const Prompt a = prompt_of({{1, 10}, {2, 5}}, 1);
  const auto told = [&](const Prompt& prompt, std::uint64_t id = 9) {
    RequestView view = view_of(id, prompt);
    view.told_pages = true;
    return view;
  };
  const auto tell = [&](Event::What what, std::span<const PageHash> pages) {
    bench.tell({.what = what, .worker = zero, .pages = pages});
  };
  bench.dispatch(view_of(1, a), {.worker = zero, .cached = 0});
  finish(bench, zero, 1);
  EXPECT_EQ(bench.ask(told(a)).cached, 15 * kPage) << "as long as it tells nothing, a guess";
  tell(Event::What::kv_cleared, {});
  EXPECT_EQ(bench.ask(told(a)).cached, 0);
  bench.dispatch(told(a, 2), {.worker = zero, .cached = 0});
  EXPECT_EQ(bench.ask(told(a)).cached, 15 * kPage) << "is being computed";
  tell(Event::What::kv_stored, std::span(a.pages).first(8));
  finish(bench, zero, 2);
  EXPECT_EQ(bench.ask(told(a)).cached, 8 * kPage);
  tell(Event::What::kv_removed, std::span(a.pages).subspan(3, 5));
  EXPECT_EQ(bench.ask(told(a)).cached, 3 * kPage);
  tell(Event::What::kv_lost, {});
  EXPECT_EQ(bench.ask(told(a)).cached, 15 * kPage) << "a guess again: it was sent there";
}

TEST_F(MinTtftTest, EventsCorrectItsGuessOfACache) {
  PolicyBench bench = alone();
  const WorkerId zero{0};
  const Prompt a = prompt_of({{1, 10}, {2, 5}}, 1);
  const Prompt b = prompt_of({{1, 10}, {3, 5}}, 1);
  bench.dispatch(view_of(1, a), {.worker = zero, .cached = 0});
  bench.dispatch(view_of(2, b), {.worker = zero, .cached = 0});
  const auto removed = [&](std::span<const PageHash> pages) {
    bench.tell({.what = Event::What::kv_removed, .worker = zero, .pages = pages});
  };
  removed(std::span(a.pages).subspan(10));
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 15 * kPage) << "in flight: it will be computed again";
  finish(bench, zero, 1);
  removed(std::span(a.pages).subspan(10));
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 10 * kPage);
  EXPECT_EQ(bench.ask(view_of(9, b)).cached, 15 * kPage);
  finish(bench, zero, 2);
  removed(b.pages);
  EXPECT_EQ(bench.ask(view_of(9, b)).cached, 0);
  removed(b.pages);  // of pages it does not know: nothing

  bench.dispatch(view_of(3, a), {.worker = zero, .cached = 0});
  bench.tell(Event::What::down, zero);
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 0) << "it comes back empty";
  finish(bench, zero, 3);
}

TEST_F(MinTtftTest, AFailedRequestIsNotWaitedFor) {
  PolicyBench bench = this->bench(true);
  bench.dispatch(view_of(1, prompt_of({{1, 100}})), {.worker = WorkerId{0}, .cached = 0});
  const Prompt next = prompt_of({{3, 1}});
  EXPECT_EQ(bench.ask(view_of(2, next)).worker.value, 1u);
  bench.tell(Event::What::failed, WorkerId{0}, RequestId{1});
  EXPECT_EQ(bench.ask(view_of(2, next)).worker.value, 0u);
}

TEST_F(MinTtftTest, PrefillWorkersLetPromptsGoWithTheFirstToken) {
  PolicyBench bench = alone(20 * kPage, Role::prefill);
  const Prompt a = prompt_of({{1, 10}}, 1);
  const Prompt b = prompt_of({{2, 10}}, 1);
  RequestView request = view_of(1, a, 10'000);  // the answer is another worker's: nothing is set aside for it
  request.stage = Stage::prefill;
  bench.dispatch(request, {.worker = WorkerId{0}, .cached = 0});
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 10 * kPage);
  bench.tell({.what = Event::What::first_token, .worker = WorkerId{0}, .request = RequestId{1}, .stage = Stage::prefill});
  request = view_of(2, b);
  request.stage = Stage::prefill;
  bench.dispatch(request, {.worker = WorkerId{0}, .cached = 0});
  EXPECT_EQ(bench.ask(view_of(9, a)).cached, 0) << "no longer pinned";
}

TEST_F(MinTtftTest, DecodeGoesWhereTheNextStepIsShortest) {
  for (const bool timed : {true, false}) {
    PolicyBench bench = this->bench(timed, 1'000'000, Role::decode);
    const Prompt prompt = prompt_of({{1, 10}});
    RequestView request = view_of(1, prompt);
    request.stage = Stage::decode;
    bench.views[0].kv_used = 5'000;
    bench.views[1].kv_used = 4'000;
    const Pick pick = bench.send(request);
    EXPECT_EQ(pick.worker.value, 1u);
    EXPECT_EQ(pick.why, Reason::least_context);
    EXPECT_EQ(pick.cached, 0);
    bench.views[1].kv_used = 5'000;
    EXPECT_EQ(bench.ask(request).worker.value, 0u);
    bench.views[0].waiting = 1;
    EXPECT_EQ(bench.ask(request).worker.value, 1u);
  }
}

}  // namespace
}  // namespace infbench::route::testing
