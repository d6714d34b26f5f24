#include "route/ledger.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

constexpr Time at(std::int64_t ms) { return Time{} + milliseconds(ms); }

class LedgerTest : public ::testing::Test {
 protected:
  void add(std::initializer_list<Role> roles, const cost::StepTime* speed = nullptr) {
    for (const WorkerSpec& spec : workers_of(roles, speed)) {
      ledger.on({.what = Event::What::up, .worker = spec.id, .spec = &spec}, {});
    }
  }
  void dispatch(std::uint32_t worker, std::uint64_t id, Stage stage, Tokens input, Tokens cached, std::int64_t ms,
                Tokens output_max = 100) {
    const RequestView asked{.id = RequestId{id},
                            .stage = stage,
                            .pages = {},
                            .input = input,
                            .output_max = output_max,
                            .key = {},
                            .slo = {},
                            .prefill = {}};
    ledger.on({.what = Event::What::dispatched,
               .at = at(ms),
               .worker = WorkerId{worker},
               .request = asked.id,
               .stage = stage,
               .cached = cached,
               .asked = &asked},
              at(ms));
  }
  void tell(Event::What what, std::uint32_t worker, std::uint64_t id, std::int64_t ms, Tokens cached = 0) {
    ledger.on({.what = what, .at = at(ms), .worker = WorkerId{worker}, .request = RequestId{id}, .cached = cached}, at(ms));
  }
  WorkerView view(std::uint32_t worker, std::int64_t ms) { return ledger.view(WorkerId{worker}, at(ms)); }

  Ledger ledger;
};

TEST_F(LedgerTest, LifeOfARequestOnAnAggregatedWorker) {
  add({Role::aggregated});
  dispatch(0, 1, Stage::whole, 1000, 400, 0);
  dispatch(0, 2, Stage::whole, 2000, 0, 5);
  WorkerView before = view(0, 5);
  EXPECT_EQ(before.waiting, 2);
  EXPECT_EQ(before.running, 0);
  EXPECT_EQ(before.uncomputed, 2600);
  EXPECT_EQ(before.context, 0);
  EXPECT_EQ(before.kv_used, 3000);
  EXPECT_EQ(before.as_of, at(5));

  tell(Event::What::first_token, 0, 1, 100, 320);
  WorkerView running = view(0, 100);
  EXPECT_EQ(running.waiting, 1);
  EXPECT_EQ(running.running, 1);
  EXPECT_EQ(running.uncomputed, 2000);
  EXPECT_EQ(running.context, 1001);
  ASSERT_EQ(running.requests.size(), 2u);
  EXPECT_EQ(running.requests[0].id.value, 1u);
  EXPECT_EQ(running.requests[0].cached, 320) << "as the worker reported";
  EXPECT_EQ(running.requests[0].first_token, at(100));
  EXPECT_EQ(running.requests[1].id.value, 2u);
  EXPECT_EQ(running.requests[1].first_token, std::nullopt);

  EXPECT_EQ(view(0, 200).context, 1006) << "a token each 20 ms";
  EXPECT_EQ(view(0, 200).kv_used, 3006);
  EXPECT_EQ(view(0, 1'000'000).context, 1100) << "never more than it may produce";
  tell(Event::What::finished, 0, 1, 300);
  tell(Event::What::failed, 0, 2, 301);
  const WorkerView after = view(0, 301);
  EXPECT_EQ(after.waiting + after.running, 0);
  EXPECT_EQ(after.uncomputed, 0);
  EXPECT_EQ(after.kv_used, 0);
  EXPECT_TRUE(after.requests.empty());
}

TEST_F(LedgerTest, PrefillHoldsUntilTheFirstTokenDecodeFromDispatch) {
  add({Role::prefill, Role::decode});
  dispatch(0, 1, Stage::prefill, 1000, 200, 0);
  dispatch(1, 1, Stage::decode, 1000, 0, 0);
  EXPECT_EQ(view(0, 0).uncomputed, 800);
  EXPECT_EQ(view(1, 0).uncomputed, 0) << "its prompt is computed elsewhere";
  EXPECT_EQ(view(1, 0).kv_used, 1000) << "room is set aside from the start";
  EXPECT_EQ(view(1, 0).waiting, 1);
  EXPECT_EQ(view(1, 0).context, 0);
  tell(Event::What::first_token, 0, 1, 50, 200);
  EXPECT_TRUE(view(0, 50).requests.empty());
  EXPECT_EQ(view(0, 50).kv_used, 0);
  tell(Event::What::finished, 0, 1, 55);  // the KV is sent: nothing left to take away
  tell(Event::What::first_token, 1, 1, 60);
  EXPECT_EQ(view(1, 60).running, 1);
  EXPECT_EQ(view(1, 60).context, 1001);
  EXPECT_EQ(view(1, 60).requests[0].cached, 0);
}

TEST_F(LedgerTest, DecodeStepsTakeWhatTheCoefficientsSay) {
  const cost::StepTime speed = round_speed();  // 10 ms, 0.1 ms for a token, and 1 ns for each token of context
  add({Role::aggregated}, &speed);
  dispatch(0, 1, Stage::whole, 2'000'000, 0, 0, 10'000);
  tell(Event::What::first_token, 0, 1, 0, 0);  // 12.1 ms a step
  EXPECT_EQ(view(0, 1210).context, 2'000'000 + 1 + 99) << "the hundredth step is a hair from its end";
  EXPECT_EQ(view(0, 1211).context, 2'000'000 + 1 + 100);
}

TEST_F(LedgerTest, OnlyWorkersThatAreUpOfTheRoleAndNotLeftOut) {
  add({Role::prefill, Role::decode, Role::prefill, Role::prefill});
  const auto ids = [&](Role role, std::vector<WorkerId> left_out) {
    std::vector<std::uint32_t> result;
    for (const WorkerView& view : ledger.views(role, left_out, {})) result.push_back(view.id.value);
    return result;
  };
  using Ids = std::vector<std::uint32_t>;
  EXPECT_EQ(ids(Role::prefill, {}), (Ids{0, 2, 3}));
  EXPECT_EQ(ids(Role::decode, {}), (Ids{1}));
  EXPECT_EQ(ids(Role::aggregated, {}), (Ids{}));
  EXPECT_EQ(ids(Role::prefill, {WorkerId{2}}), (Ids{0, 3}));
  dispatch(3, 1, Stage::prefill, 1000, 0, 0);
  tell(Event::What::down, 3, 0, 1);
  EXPECT_EQ(ids(Role::prefill, {}), (Ids{0, 2}));
  EXPECT_EQ(view(3, 1).waiting, 1) << "its streams may go on";
  tell(Event::What::up, 3, 0, 2);
  EXPECT_EQ(ids(Role::prefill, {}), (Ids{0, 2, 3}));
  EXPECT_FALSE(ledger.knows(WorkerId{4}));
}

TEST_F(LedgerTest, EventsOfStrangersChangeNothing) {
  add({Role::aggregated});
  dispatch(0, 1, Stage::whole, 1000, 0, 0);
  tell(Event::What::first_token, 0, 7, 1);
  tell(Event::What::finished, 0, 7, 1);
  tell(Event::What::failed, 0, 7, 1);
  EXPECT_EQ(view(0, 1).waiting, 1);
  tell(Event::What::first_token, 0, 1, 2, 0);
  tell(Event::What::first_token, 0, 1, 3, 500);  // said twice
  EXPECT_EQ(view(0, 3).running, 1);
  EXPECT_EQ(view(0, 3).requests[0].cached, 0);
}

// The same again in the plainest way: every request of a worker in a list, everything added up when asked.
struct Naive {
  struct Item {
    InFlight request;
    std::int64_t steps = 0;  // 2^-16 decode steps since its first token
  };
  std::vector<Item> items;
  Time last;

  int running() const {
    return static_cast<int>(
        std::count_if(items.begin(), items.end(), [](const Item& i) { return i.request.first_token.has_value(); }));
  }
  void pass(Time now) {
    if (running() > 0) {
      const auto steps =
          static_cast<std::int64_t>(static_cast<double>((now - last).ns) * 65536 / static_cast<double>(kAssumedStep.ns));
      for (Item& item : items) {
        if (item.request.first_token) item.steps += steps;
      }
    }
    last = now;
  }
  WorkerView view() const {
    WorkerView view{.id = {}, .requests = {}};
    std::int64_t steps = 0;
    Tokens most = 0;
    for (const Item& item : items) {
      const InFlight& r = item.request;
      view.kv_used += r.input;
      if (r.first_token) {
        ++view.running;
        view.context += r.input;
        steps += item.steps;
        most += r.output_max;
      } else {
        ++view.waiting;
        if (r.stage != Stage::decode) view.uncomputed += r.input - r.cached;
      }
    }
    const Tokens produced = std::min<Tokens>(view.running + (steps >> 16), most);
    view.context += produced;
    view.kv_used += produced;
    return view;
  }
};

void compare(const WorkerView& view, Naive naive, Time now) {
  naive.pass(now);
  const WorkerView expected = naive.view();
  RC_ASSERT(view.waiting == expected.waiting);
  RC_ASSERT(view.running == expected.running);
  RC_ASSERT(view.uncomputed == expected.uncomputed);
  RC_ASSERT(view.context == expected.context);
  RC_ASSERT(view.kv_used == expected.kv_used);
  RC_ASSERT(view.uncomputed >= 0 && view.context >= 0 && view.kv_used >= view.context);
  RC_ASSERT(view.requests.size() == naive.items.size());
  for (std::size_t i = 0; i < naive.items.size(); ++i) {
    RC_ASSERT(view.requests[i].id == naive.items[i].request.id);
    RC_ASSERT(view.requests[i].cached == naive.items[i].request.cached);
    RC_ASSERT(view.requests[i].first_token == naive.items[i].request.first_token);
  }
}

RC_GTEST_PROP(LedgerProperty, ViewsEqualANaiveRecomputation, ()) {
  Ledger ledger;
  const Role role = *rc::gen::element(Role::aggregated, Role::prefill, Role::decode);
  const Stage stage = role == Role::prefill ? Stage::prefill : role == Role::decode ? Stage::decode : Stage::whole;
  for (const WorkerSpec& spec : workers_of({role, role})) {
    ledger.on({.what = Event::What::up, .worker = spec.id, .spec = &spec}, {});
  }
  Naive naive[2];
  Time now;
  std::uint64_t next_id = 0;
  const int steps = *rc::gen::inRange(1, 80);
  for (int step = 0; step < steps; ++step) {
    now = now + microseconds(*rc::gen::inRange(0, 100'000));
    const auto w = *rc::gen::inRange(std::uint32_t{0}, std::uint32_t{2});
    std::vector<Naive::Item>& items = naive[w].items;
    Event event{.at = now, .worker = WorkerId{w}, .stage = stage};
    naive[w].pass(now);
    if (items.empty() || *rc::gen::inRange(0, 5) < 2) {
      const Tokens input = *rc::gen::inRange(0, 5000);
      RequestView asked{.id = RequestId{next_id++},
                        .pages = {},
                        .input = input,
                        .output_max = *rc::gen::inRange(0, 50),
                        .key = {},
                        .slo = {},
                        .prefill = {}};
      event.what = Event::What::dispatched;
      event.request = asked.id;
      event.cached = *rc::gen::inRange(Tokens{0}, input + 1);
      event.asked = &asked;
      ledger.on(event, now);
      items.push_back({.request = {.id = asked.id,
                                   .stage = stage,
                                   .dispatched = now,
                                   .first_token = {},
                                   .input = input,
                                   .cached = event.cached,
                                   .output_max = asked.output_max,
                                   .slo = {}}});
    } else {
      const std::size_t which = *rc::gen::inRange(std::size_t{0}, items.size());
      InFlight& request = items[which].request;
      event.request = request.id;
      const bool first = *rc::gen::inRange(0, 2) == 0;
      event.what = first ? Event::What::first_token : Event::What::finished;
      event.cached = *rc::gen::inRange(Tokens{0}, request.input + 1);
      ledger.on(event, now);
      if (!first || stage == Stage::prefill) {
        items.erase(items.begin() + static_cast<std::ptrdiff_t>(which));
      } else if (!request.first_token) {
        request.first_token = now;
        if (stage == Stage::whole) request.cached = event.cached;
      }
    }
    const Time later = now + microseconds(*rc::gen::inRange(0, 100'000));
    for (std::uint32_t i = 0; i < 2; ++i) compare(ledger.view(WorkerId{i}, later), naive[i], later);
  }
  for (std::uint32_t i = 0; i < 2; ++i) {
    for (const Naive::Item& item : naive[i].items) {
      ledger.on({.what = Event::What::finished, .at = now, .worker = WorkerId{i}, .request = item.request.id, .stage = stage},
                now);
    }
    const WorkerView end = ledger.view(WorkerId{i}, now);
    RC_ASSERT(end.waiting == 0 && end.running == 0 && end.uncomputed == 0 && end.context == 0 && end.kv_used == 0);
    RC_ASSERT(end.requests.empty());
  }
}

}  // namespace
}  // namespace infbench::route::testing
