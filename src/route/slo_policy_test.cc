#include "route/slo_policy.h"

#include <gtest/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

Time at_ms(std::int64_t ms) { return Time{} + milliseconds(ms); }

// Workers that compute a token in 100 us and take a little more than 10 ms for a decode step; limits of 2 s and 25 ms, so that
// a step leaves 15 ms of slack.
class SloTest : public ::testing::Test {
 protected:
  void start(std::initializer_list<Role> roles, Tokens kv_capacity = 1'000'000) {
    bench_ = std::make_unique<PolicyBench>(policy_named("slo"), workers_of(roles, &speed_, kv_capacity));
  }
  void start_two() { start({Role::aggregated, Role::aggregated}); }

  RequestView request(const Prompt& prompt, Tokens answer, Stage stage = Stage::whole) {
    RequestView view = view_of(++id_, prompt, answer, bench_->now);
    view.stage = stage;
    return view;
  }
  // A request whose first token has just come.
  RequestId run(std::uint32_t worker, Tokens answer, int pages = 10, Stage stage = Stage::whole) {
    const Prompt prompt = prompt_of({{1'000 + id_, pages}});
    const RequestView view = request(prompt, answer, stage);
    bench_->dispatch(view, {.worker = WorkerId{worker}});
    bench_->tell(Event::What::first_token, WorkerId{worker}, view.id, stage);
    return view.id;
  }

  const cost::StepTime speed_ = round_speed();
  std::unique_ptr<PolicyBench> bench_;
  std::uint64_t id_ = 0;
};

const Prompt kLong = prompt_of({{7, 78}}, 8);       // 5,000 tokens, half a second
const Prompt kTooLong = prompt_of({{8, 468}}, 48);  // 30,000 tokens, three seconds

TEST_F(SloTest, GoesWhereThePrefixIs) {
  start_two();
  bench_->dispatch(request(prompt_of({{1, 50}}), 10), {.worker = WorkerId{1}});
  bench_->tell(Event::What::first_token, WorkerId{1}, RequestId{1});
  bench_->tell(Event::What::finished, WorkerId{1}, RequestId{1});
  const Prompt prompt = prompt_of({{1, 50}, {2, 10}});
  const Pick pick = bench_->ask(request(prompt, 100));
  EXPECT_EQ(pick.worker.value, 1u);
  EXPECT_EQ(pick.cached, 3'200);
  EXPECT_EQ(pick.why, Reason::within_limits);
  EXPECT_EQ(pick.ttft, milliseconds(64)) << "640 tokens";
}

// An answer of 21 tokens can be held up by 0.3 s, one of 2,001 by 30 s.
TEST_F(SloTest, SparesThoseWithLittleSlack) {
  for (const std::uint32_t spared : {0U, 1U}) {
    start_two();
    run(spared, 21);
    run(1 - spared, 2'001);
    run(1 - spared, 2'001);
    EXPECT_EQ(bench_->ask(request(kLong, 100)).worker.value, 1 - spared);
  }
}

TEST_F(SloTest, WhoHasMissedALimitIsNotSpared) {
  start_two();
  const Prompt prompt = prompt_of({{1, 10}});
  const RequestView late = request(prompt, 21);
  bench_->dispatch(late, {.worker = WorkerId{0}});
  bench_->now = at_ms(2'001);
  bench_->tell(Event::What::first_token, WorkerId{0}, late.id);
  run(1, 21);
  EXPECT_EQ(bench_->ask(request(kLong, 100)).worker.value, 0u);
}

TEST_F(SloTest, WaitsWhileItWouldCostMoreThanItIsWorth) {
  start_two();
  RequestId last;
  for (const std::uint32_t worker : {0U, 0U, 1U, 1U}) last = run(worker, 21);
  bench_->now = at_ms(5);
  const auto answer = bench_->try_ask(request(kLong, 100));
  ASSERT_TRUE(std::holds_alternative<Hold>(answer));
  const Hold hold = std::get<Hold>(answer);
  EXPECT_EQ(hold.until, at_ms(1'505)) << "then it would be late";
  EXPECT_EQ(hold.rank, at_ms(5).ns) << "first come, first served";
  EXPECT_FALSE(hold.closes) << "a shorter one behind it may go";
  EXPECT_TRUE(std::holds_alternative<Pick>(bench_->try_ask(request(prompt_of({{9, 1}}), 100))));
  bench_->tell(Event::What::finished, WorkerId{1}, last);
  EXPECT_EQ(bench_->ask(request(kLong, 100)).worker.value, 1u) << "one to be harmed in place of two";
}

TEST_F(SloTest, OneThatIsLateAnywayWaitsBehindAllOthers) {
  start_two();
  run(0, 21);
  const RequestId other = run(1, 21);
  const RequestView late = request(kTooLong, 100);
  const auto answer = bench_->try_ask(late);
  ASSERT_TRUE(std::holds_alternative<Hold>(answer));
  EXPECT_EQ(std::get<Hold>(answer).until, at_ms(60'000));
  EXPECT_GT(std::get<Hold>(answer).rank, at_ms(10'000'000'000).ns);
  EXPECT_TRUE(std::get<Hold>(answer).closes);
  bench_->tell(Event::What::finished, WorkerId{1}, other);
  const Pick pick = bench_->ask(late);
  EXPECT_EQ(pick.worker.value, 1u) << "an idle worker takes anything";
  EXPECT_EQ(pick.why, Reason::least_harm);
}

TEST_F(SloTest, ButNotForEver) {
  start_two();
  const RequestView late = request(kTooLong, 100);
  bench_->now = at_ms(59'999);
  run(0, 21);
  run(1, 21);
  EXPECT_TRUE(std::holds_alternative<Hold>(bench_->try_ask(late)));
  bench_->now = at_ms(60'000);
  EXPECT_TRUE(std::holds_alternative<Pick>(bench_->try_ask(late)));
}

TEST_F(SloTest, PromptsOnTheWayCountUntilTheirFirstTokens) {
  start({Role::aggregated});
  bench_->dispatch(request(kLong, 1'000), {.worker = WorkerId{0}});
  bench_->now = at_ms(100);
  const Prompt prompt = prompt_of({{9, 10}});
  EXPECT_EQ(bench_->ask(request(prompt, 1'000)).ttft, milliseconds(464));
  bench_->tell(Event::What::first_token, WorkerId{0}, RequestId{1});
  EXPECT_EQ(bench_->ask(request(prompt, 1'000)).ttft, milliseconds(64));
}

TEST_F(SloTest, WhoseFirstTokenIsNotSeenIsTakenToHaveIt) {
  start({Role::aggregated});
  for (int i = 0; i < 4; ++i) {
    const Prompt prompt = prompt_of({{static_cast<std::uint64_t>(i), 78}}, 8);
    RequestView view = request(prompt, 1'000);
    view.streamed = false;
    bench_->dispatch(view, {.worker = WorkerId{0}});
  }
  const Prompt prompt = prompt_of({{9, 10}});
  bench_->now = at_ms(1'500);
  EXPECT_EQ(bench_->ask(request(prompt, 1'000)).ttft, milliseconds(564));
  bench_->now = at_ms(2'100);
  EXPECT_EQ(bench_->ask(request(prompt, 1'000)).ttft, milliseconds(64));
}

TEST_F(SloTest, ADecodeWorkerHasRoomOrIsNotChosen) {
  start({Role::decode, Role::decode}, 10'000);
  run(0, 4'000, 50, Stage::decode);  // 7,200 tokens
  run(1, 4'000, 40, Stage::decode);  // 6,560
  EXPECT_EQ(bench_->ask(request(prompt_of({{9, 50}}), 200, Stage::decode)).worker.value, 1u);
  EXPECT_TRUE(std::holds_alternative<Hold>(bench_->try_ask(request(prompt_of({{9, 50}}), 300, Stage::decode))));
}

// What the requests may have is all that is said, 9,000 tokens; in fact they have 90.
TEST_F(SloTest, LearnsHowLongAnswersGet) {
  start({Role::decode}, 10'000);
  const Prompt prompt = prompt_of({{9, 10}});
  RequestId busy = run(0, 9'000, 10, Stage::decode);
  EXPECT_TRUE(std::holds_alternative<Hold>(bench_->try_ask(request(prompt, 9'000, Stage::decode))));
  for (int i = 0; i < 100; ++i) {
    bench_->now = bench_->now + milliseconds(900);
    bench_->tell(Event::What::finished, WorkerId{0}, busy, Stage::decode);
    busy = run(0, 9'000, 10, Stage::decode);
  }
  EXPECT_TRUE(std::holds_alternative<Pick>(bench_->try_ask(request(prompt, 9'000, Stage::decode))));
}

TEST_F(SloTest, WorksWithoutStepTimesAndLimits) {
  bench_ = std::make_unique<PolicyBench>(policy_named("slo"), workers_of({Role::aggregated, Role::aggregated}));
  RequestView view = request(kLong, 100);
  view.slo = {};
  const WorkerId first = bench_->send(view).worker;
  RequestView other = request(kTooLong, 100);
  other.slo = {};
  EXPECT_NE(bench_->send(other).worker, first);
  for (int i = 0; i < 50; ++i) {
    view.id = RequestId{++id_};
    EXPECT_TRUE(std::holds_alternative<Pick>(bench_->try_ask(view))) << "no limit, nothing to wait for";
    bench_->send(view);
  }
}

TEST_F(SloTest, AWorkerThatWasDownIsIdle) {
  start({Role::aggregated});
  run(0, 21);
  run(0, 21);
  EXPECT_TRUE(std::holds_alternative<Hold>(bench_->try_ask(request(kTooLong, 100))));
  bench_->tell(Event::What::down, WorkerId{0});
  EXPECT_TRUE(std::holds_alternative<Pick>(bench_->try_ask(request(kTooLong, 100))));
}

}  // namespace
}  // namespace infbench::route::testing
