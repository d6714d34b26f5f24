#include "route/router.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "route/factory.h"
#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

using ::testing::ElementsAre;

constexpr Time at(std::int64_t ms) { return Time{} + milliseconds(ms); }

// What a policy was told, and a choice made by the test.
struct Script {
  std::function<std::variant<Pick, Hold>(const RequestView&, std::span<const WorkerView>, Time)> pick{};
  std::vector<std::pair<Event::What, Time>> told{};
  std::vector<Stage> stages{};
  std::vector<std::size_t> pages{};
};

class FakePolicy final : public Policy {
 public:
  explicit FakePolicy(Script& script) : script_(script) {}
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random&,
                                Time now) const override {
    return script_.pick(request, workers, now);
  }
  void on(const Event& event, Time now) override {
    if (event.what == Event::What::up) return;
    script_.told.emplace_back(event.what, now);
    script_.stages.push_back(event.stage);
    script_.pages.push_back(event.pages.size());
  }

 private:
  Script& script_;
};

std::variant<Pick, Hold> first_worker(const RequestView&, std::span<const WorkerView> workers, Time) {
  return Pick{.worker = workers.front().id};
}

RouterConfig config_of(std::string_view policy, std::string_view decode_policy = {}, Duration view_delay = {}) {
  RouterConfig config{.policy = policy_named(policy), .decode_policy = nullptr, .view_delay = view_delay, .seed = 3};
  if (!decode_policy.empty()) config.decode_policy = policy_named(decode_policy);
  return config;
}

Event event_of(Event::What what, std::uint32_t worker, std::uint64_t request, Time when) {
  return {.what = what, .at = when, .worker = WorkerId{worker}, .request = RequestId{request}};
}

TEST(Router, NeverChoosesAWorkerThatWasTried) {
  const auto specs = workers_of({Role::aggregated, Role::aggregated, Role::aggregated, Role::aggregated});
  for (const std::string_view name : policy_names()) {
    Router router(config_of(name), specs);
    const Prompt prompt = prompt_of({{1, 10}});
    for (std::uint64_t id = 0; id < 50; ++id) {
      std::vector<WorkerId> tried;
      for (int attempt = 0; attempt < 4; ++attempt) {
        const auto answer = router.route(view_of(id, prompt), tried, {});
        ASSERT_TRUE(std::holds_alternative<Route>(answer)) << name;
        const WorkerId worker = std::get<Route>(answer).pick.worker;
        ASSERT_THAT(tried, ::testing::Not(::testing::Contains(worker))) << name;
        router.on(event_of(Event::What::failed, worker.value, id, {}), {});
        tried.push_back(worker);
      }
      const auto none = router.route(view_of(id, prompt), tried, {});
      ASSERT_TRUE(std::holds_alternative<NoWorker>(none)) << name;
    }
    for (const WorkerSpec& spec : specs) EXPECT_TRUE(router.ledger().view(spec.id, {}).requests.empty()) << name;
  }
}

TEST(Router, SaysWhichRoleIsMissing) {
  const Prompt prompt = prompt_of({{1, 10}});
  Router empty(config_of("round_robin"), {});
  EXPECT_EQ(std::get<NoWorker>(empty.route(view_of(1, prompt), {}, {})).role, Role::aggregated);

  Router pair(config_of("round_robin", "round_robin"), workers_of({Role::prefill, Role::decode}));
  pair.on(event_of(Event::What::down, 1, 0, {}), {});
  EXPECT_EQ(std::get<NoWorker>(pair.route(view_of(1, prompt), {}, {})).role, Role::decode);
  pair.on(event_of(Event::What::up, 1, 0, {}), {});
  pair.on(event_of(Event::What::down, 0, 0, {}), {});
  EXPECT_EQ(std::get<NoWorker>(pair.route(view_of(1, prompt), {}, {})).role, Role::prefill);
  pair.on(event_of(Event::What::up, 0, 0, {}), {});
  EXPECT_TRUE(std::holds_alternative<Route>(pair.route(view_of(1, prompt), {}, {})));
}

TEST(Router, WorkersMayComeLater) {
  Router router(config_of("min_ttft"), {});
  const WorkerSpec spec{.id = WorkerId{3}, .kv_capacity = 1000};
  Event up = event_of(Event::What::up, 3, 0, at(5));
  up.spec = &spec;
  router.on(up, at(5));
  const auto answer = router.route(view_of(1, prompt_of({{1, 10}})), {}, at(6));
  EXPECT_EQ(std::get<Route>(answer).pick.worker.value, 3u);
}

TEST(Router, ChoosesPairsOfTheRightRoles) {
  const cost::StepTime speed = round_speed();
  const auto specs = workers_of({Role::prefill, Role::decode, Role::prefill, Role::decode, Role::prefill}, &speed);
  for (const std::string_view name : policy_names()) {
    Router router(config_of(name, name), specs);
    for (std::uint64_t id = 0; id < 30; ++id) {
      const Prompt prompt = prompt_of({{id % 7, 10}, {id % 3, 5}});
      const auto answer = router.route(view_of(id, prompt), {}, at(static_cast<std::int64_t>(id)));
      ASSERT_TRUE(std::holds_alternative<Route>(answer)) << name;
      const Route& route = std::get<Route>(answer);
      ASSERT_TRUE(route.decode.has_value()) << name;
      EXPECT_EQ(specs[route.pick.worker.value].role, Role::prefill) << name;
      EXPECT_EQ(specs[route.decode->worker.value].role, Role::decode) << name;
      const Time now = at(static_cast<std::int64_t>(id));
      EXPECT_EQ(router.ledger().view(route.pick.worker, now).requests.back().stage, Stage::prefill) << name;
      EXPECT_EQ(router.ledger().view(route.decode->worker, now).requests.back().stage, Stage::decode) << name;
    }
  }
}

TEST(Router, ThePoliciesOfAPairAreAskedAndToldByStage) {
  Script prefill{.pick = first_worker};
  Script decode;
  decode.pick = [](const RequestView& request, std::span<const WorkerView> workers, Time) -> std::variant<Pick, Hold> {
    EXPECT_EQ(request.stage, Stage::decode);
    EXPECT_EQ(request.prefill, WorkerId{0});
    return Pick{.worker = workers.back().id};
  };
  RouterConfig config{.policy = std::make_unique<FakePolicy>(prefill), .decode_policy = std::make_unique<FakePolicy>(decode)};
  Router router(std::move(config), workers_of({Role::prefill, Role::decode}));
  const Prompt prompt = prompt_of({{1, 10}});
  EXPECT_TRUE(std::holds_alternative<Route>(router.route(view_of(1, prompt), {}, {})));
  router.on(event_of(Event::What::first_token, 0, 1, at(1)), at(1));
  router.on(event_of(Event::What::first_token, 1, 1, at(2)), at(2));
  router.on(event_of(Event::What::finished, 1, 1, at(3)), at(3));
  using What = Event::What;
  EXPECT_THAT(prefill.told, ElementsAre(std::pair(What::dispatched, at(0)), std::pair(What::first_token, at(1))));
  EXPECT_THAT(decode.told, ElementsAre(std::pair(What::dispatched, at(0)), std::pair(What::first_token, at(2)),
                                       std::pair(What::finished, at(3))));
  EXPECT_THAT(prefill.stages, ElementsAre(Stage::prefill, Stage::prefill));
  EXPECT_THAT(decode.stages, ElementsAre(Stage::decode, Stage::decode, Stage::decode));
  EXPECT_EQ(prefill.pages[0], 10u) << "dispatched carries the prompt's pages";
}

TEST(Router, NothingIsDispatchedWhenTheDecodePolicyHolds) {
  Script prefill{.pick = first_worker};
  Script decode;
  decode.pick = [](const RequestView&, std::span<const WorkerView>, Time) -> std::variant<Pick, Hold> { return Hold{}; };
  RouterConfig config{.policy = std::make_unique<FakePolicy>(prefill), .decode_policy = std::make_unique<FakePolicy>(decode)};
  Router router(std::move(config), workers_of({Role::prefill, Role::decode}));
  const Prompt prompt = prompt_of({{1, 10}});
  EXPECT_TRUE(std::holds_alternative<Hold>(router.route(view_of(1, prompt), {}, {})));
  EXPECT_TRUE(prefill.told.empty());
  EXPECT_TRUE(router.ledger().view(WorkerId{0}, {}).requests.empty());
}

class HeldTest : public ::testing::Test {
 protected:
  HeldTest()
      : router_({.policy = std::make_unique<FakePolicy>(script_), .decode_policy = nullptr}, workers_of({Role::aggregated})) {
    script_.pick = [this](const RequestView&, std::span<const WorkerView>, Time) -> std::variant<Pick, Hold> {
      return answer_;
    };
  }
  void hold(std::uint64_t id, std::int64_t rank, std::int64_t arrived_ms, std::optional<Time> until, Time now) {
    answer_ = Hold{.until = until, .rank = rank};
    const auto answer = router_.route(view_of(id, prompt_, 100, at(arrived_ms)), {}, now);
    ASSERT_TRUE(std::holds_alternative<Hold>(answer));
  }
  std::vector<std::uint64_t> due(Time now) {
    std::vector<std::uint64_t> ids;
    while (const auto id = router_.due(now)) ids.push_back(id->value);
    return ids;
  }

  Script script_;
  std::variant<Pick, Hold> answer_;
  const Prompt prompt_ = prompt_of({{1, 2}});
  Router router_;
};

TEST_F(HeldTest, AreDueByRankThenArrival) {
  hold(1, 5, 10, {}, at(20));
  hold(2, 5, 4, {}, at(20));
  hold(3, -1, 15, {}, at(20));
  hold(4, 5, 10, {}, at(20));
  EXPECT_THAT(due(at(20)), ElementsAre()) << "nothing has happened since";
  EXPECT_EQ(router_.next(), std::nullopt);
  router_.on(event_of(Event::What::finished, 0, 9, at(30)), at(30));
  EXPECT_EQ(router_.next(), at(30));
  EXPECT_THAT(due(at(30)), ElementsAre(3, 2, 1, 4));
  EXPECT_THAT(due(at(30)), ElementsAre()) << "no longer held";
}

TEST_F(HeldTest, AreDueAtTheirTime) {
  hold(1, 0, 1, at(50), at(20));
  hold(2, 0, 2, at(40), at(20));
  hold(3, 0, 3, {}, at(20));
  EXPECT_EQ(router_.next(), at(40));
  EXPECT_THAT(due(at(39)), ElementsAre());
  EXPECT_THAT(due(at(40)), ElementsAre(2));
  EXPECT_EQ(router_.next(), at(50));
  hold(2, 0, 2, at(45), at(40));  // held again
  EXPECT_THAT(due(at(50)), ElementsAre(1, 2));
  EXPECT_EQ(router_.next(), std::nullopt);
}

TEST_F(HeldTest, CanBeForgotten) {
  hold(1, 0, 1, at(50), at(20));
  hold(2, 0, 2, at(50), at(20));
  router_.forget(RequestId{1});
  EXPECT_THAT(due(at(50)), ElementsAre(2));
}

TEST_F(HeldTest, AnotherRequestsDispatchMakesRoomForNobody) {
  hold(1, 0, 1, {}, at(20));
  hold(2, 0, 2, {}, at(20));
  answer_ = Pick{.worker = WorkerId{0}};
  EXPECT_TRUE(std::holds_alternative<Route>(router_.route(view_of(3, prompt_), {}, at(25))));
  EXPECT_EQ(router_.next(), std::nullopt);
  EXPECT_THAT(due(at(25)), ElementsAre());
}

// Held again with `closes`, number 2 ends the round for all behind it; those before it, and number 2 itself, were asked.
TEST_F(HeldTest, OneThatClosesEndsTheRoundForThoseBehindIt) {
  for (std::uint64_t id = 1; id <= 4; ++id) hold(id, static_cast<std::int64_t>(id), 1, {}, at(20));
  router_.on(event_of(Event::What::finished, 0, 9, at(30)), at(30));
  EXPECT_EQ(router_.due(at(30)), RequestId{1});
  hold(1, 1, 1, {}, at(30));
  EXPECT_EQ(router_.due(at(30)), RequestId{2});
  answer_ = Hold{.until = {}, .rank = 2, .closes = true};
  router_.route(view_of(2, prompt_, 100, at(1)), {}, at(30));
  EXPECT_EQ(router_.due(at(30)), std::nullopt);
  EXPECT_EQ(router_.next(), std::nullopt);
  router_.on(event_of(Event::What::finished, 0, 8, at(40)), at(40));
  EXPECT_THAT(due(at(40)), ElementsAre(1, 2, 3, 4));
}

// A new rank far behind: those between its old and its new place are asked still.
TEST_F(HeldTest, OneThatClosesFurtherBehindLeavesThoseBefore) {
  for (std::uint64_t id = 1; id <= 4; ++id) hold(id, static_cast<std::int64_t>(id), 1, {}, at(20));
  router_.on(event_of(Event::What::finished, 0, 9, at(30)), at(30));
  EXPECT_EQ(router_.due(at(30)), RequestId{1});
  answer_ = Hold{.until = {}, .rank = 3, .closes = true};
  router_.route(view_of(1, prompt_, 100, at(2)), {}, at(30));
  EXPECT_THAT(due(at(30)), ElementsAre(2, 3));
}

TEST_F(HeldTest, ARequestRoutedWithoutBeingDueIsNoLongerHeld) {
  hold(1, 0, 1, at(50), at(20));
  answer_ = Pick{.worker = WorkerId{0}};
  EXPECT_TRUE(std::holds_alternative<Route>(router_.route(view_of(1, prompt_), {}, at(30))));
  EXPECT_THAT(due(at(60)), ElementsAre());
}

TEST(Router, ViewDelayHoldsBackWhatWorkersTellButNotDispatches) {
  Script script{.pick = first_worker};
  Router router({.policy = std::make_unique<FakePolicy>(script), .decode_policy = nullptr, .view_delay = milliseconds(100)},
                workers_of({Role::aggregated}));
  const Prompt prompt = prompt_of({{1, 10}});
  const auto view = [&](Time now) { return router.ledger().view(WorkerId{0}, now); };
  router.route(view_of(1, prompt), {}, at(0));
  EXPECT_EQ(view(at(0)).waiting, 1) << "known at once";
  EXPECT_EQ(view(at(0)).as_of, at(-100));
  {
    const std::vector<PageHash> pages(3);
    Event stored = event_of(Event::What::kv_stored, 0, 1, at(10));
    stored.pages = pages;
    router.on(stored, at(10));  // its pages do not outlive the call
  }
  router.on(event_of(Event::What::first_token, 0, 1, at(10)), at(10));
  router.on(event_of(Event::What::finished, 0, 1, at(50)), at(50));
  EXPECT_EQ(view(at(50)).waiting, 1);
  EXPECT_EQ(router.next(), at(110));
  EXPECT_EQ(router.due(at(109)), std::nullopt);
  EXPECT_EQ(view(at(109)).running, 0);
  EXPECT_EQ(router.due(at(110)), std::nullopt);
  EXPECT_EQ(view(at(110)).running, 1);
  EXPECT_EQ(view(at(110)).context, 640 + 1 + 5) << "told 100 ms late, it has decoded since";
  EXPECT_EQ(router.next(), at(150));
  router.route(view_of(2, prompt), {}, at(200));  // applies what is due first
  EXPECT_EQ(view(at(200)).running, 0);
  EXPECT_EQ(view(at(200)).waiting, 1);
  EXPECT_EQ(router.next(), std::nullopt);
  using What = Event::What;
  EXPECT_THAT(script.told, ElementsAre(std::pair(What::dispatched, at(0)), std::pair(What::kv_stored, at(110)),
                                       std::pair(What::first_token, at(110)), std::pair(What::finished, at(150)),
                                       std::pair(What::dispatched, at(200))));
  EXPECT_EQ(script.pages[1], 3u);
}

TEST(Router, WhatIsOnItsWayFromAFailedAttemptIsDropped) {
  Script script{.pick = first_worker};
  Router router({.policy = std::make_unique<FakePolicy>(script), .decode_policy = nullptr, .view_delay = milliseconds(100)},
                workers_of({Role::aggregated}));
  const Prompt prompt = prompt_of({{1, 10}});
  router.route(view_of(1, prompt), {}, at(0));
  router.on(event_of(Event::What::first_token, 0, 1, at(10)), at(10));
  router.on(event_of(Event::What::failed, 0, 1, at(20)), at(20));
  EXPECT_TRUE(router.ledger().view(WorkerId{0}, at(20)).requests.empty()) << "a failure is seen at once";
  router.route(view_of(1, prompt), {}, at(30));
  router.due(at(500));
  EXPECT_EQ(router.ledger().view(WorkerId{0}, at(500)).waiting, 1);
}

TEST(Router, TheSameSeedGivesTheSameChoices) {
  const auto specs = workers_of({Role::aggregated, Role::aggregated, Role::aggregated, Role::aggregated});
  Router one(config_of("random"), specs);
  Router two(config_of("random"), specs);
  const Prompt prompt = prompt_of({{1, 10}});
  for (std::uint64_t id = 0; id < 100; ++id) {
    const auto a = std::get<Route>(one.route(view_of(id, prompt), {}, {}));
    const auto b = std::get<Route>(two.route(view_of(id, prompt), {}, {}));
    ASSERT_EQ(a.pick.worker, b.pick.worker);
  }
}

// Requests one after the other at each of two workers of the same step times; the first token comes `slower` times as late as
// estimated at the first. Returns what is learned of both.
std::pair<double, double> scales_after(int requests, std::int64_t slower, bool learn, bool streamed) {
  const cost::StepTime speed = round_speed();
  const auto specs = workers_of({Role::aggregated, Role::aggregated}, &speed);
  RouterConfig config = config_of("min_ttft");
  config.learn_scale = learn;
  Router router(std::move(config), specs);
  Time now;
  for (int i = 0; i < requests; ++i) {
    const auto id = static_cast<std::uint64_t>(i);
    const Prompt prompt = prompt_of({{1000 + id, 10}});
    RequestView view = view_of(id, prompt);
    view.streamed = streamed;
    const std::vector<WorkerId> left_out{WorkerId{i % 2 == 0 ? 1U : 0U}};
    const Route route = std::get<Route>(router.route(view, left_out, now));
    EXPECT_EQ(route.pick.ttft, milliseconds(64));
    now = now + route.pick.ttft * (i % 2 == 0 ? slower : 1);
    Event event = event_of(Event::What::first_token, route.pick.worker.value, view.id.value, now);
    router.on(event, now);
    event.what = Event::What::finished;
    router.on(event, now);
    now = now + seconds(10);
  }
  return {router.ledger().view(WorkerId{0}, now).scale, router.ledger().view(WorkerId{1}, now).scale};
}

TEST(Router, LearnsHowMuchSlowerAWorkerIsThanItsStepTimesSay) {
  EXPECT_EQ(scales_after(1, 2, true, true), std::pair(1.0625, 1.0625)) << "who is new is as the others are";
  EXPECT_EQ(scales_after(2, 2, true, true), std::pair(1.0625, 1.0625 - 1.0 / 256));
  const auto [slow, right] = scales_after(200, 3, true, true);
  EXPECT_NEAR(slow, 3, 0.01);
  EXPECT_NEAR(right, 1, 0.01);
  EXPECT_NEAR(scales_after(400, 1'000, true, true).first, kScaleMost, 0.01);
  EXPECT_NEAR(scales_after(400, 0, true, true).first, kScaleLeast, 0.01);
  EXPECT_EQ(scales_after(50, 3, true, false).first, 1.0) << "answers as a whole tell nothing";
  EXPECT_EQ(scales_after(50, 3, false, true).first, 1.0) << "nor is it learned if nobody asked for it";
}

TEST(Router, AWorkerKnownToBeSlowGetsLess) {
  const cost::StepTime speed = round_speed();
  const auto specs = workers_of({Role::aggregated, Role::aggregated}, &speed);
  RouterConfig config{.policy = *make_policy("min_ttft", {.spread_cold = true}), .learn_scale = true};
  Router router(std::move(config), specs);
  std::vector<int> count(2);
  Time now;
  for (std::uint64_t id = 0; id < 200; ++id) {
    const Prompt prompt = prompt_of({{1000 + id, 10}});
    const Route route = std::get<Route>(router.route(view_of(id, prompt), {}, now));
    const std::uint32_t worker = route.pick.worker.value;
    ++count[worker];
    now = now + route.pick.ttft * (worker == 0 ? 4 : 1);  // worker 0 is four times as slow
    router.on(event_of(Event::What::first_token, worker, id, now), now);
    router.on(event_of(Event::What::finished, worker, id, now), now);
  }
  EXPECT_LT(count[0], 10);
}

}  // namespace
}  // namespace infbench::route::testing
