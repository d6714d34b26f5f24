#include "live/replay_schedule.h"

#include <climits>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "trace/build.h"
#include "trace/read.h"

namespace infbench::live {
namespace {

using trace::RequestIndex;

Time at(std::int64_t ms) { return Time{} + milliseconds(ms); }

// Rows of (timestamp in ms, session or 0); turns of a session wait 5 ms for the turn before.
trace::Trace trace_of(const std::vector<std::pair<int, int>>& rows) {
  trace::TraceBuilder builder;
  const std::uint64_t block = 1;
  std::vector<std::string> names;
  for (const auto& [ms, session] : rows) names.push_back(session == 0 ? "" : std::to_string(session));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    builder.add({.at = milliseconds(rows[i].first),
                 .input = 1,
                 .output = 1,
                 .blocks = {&block, 1},
                 .session = names[i],
                 .delay = rows[i].second == 0 ? std::nullopt : std::optional(milliseconds(5)),
                 .extra = {},
                 .stand_in = {}});
  }
  return std::move(builder).finish().trace;
}

std::vector<std::uint32_t> taken(Pacer& pacer, Time now) {
  std::vector<std::uint32_t> requests;
  while (const auto due = pacer.take(now)) requests.push_back(due->request.value);
  return requests;
}

using List = std::vector<std::uint32_t>;

TEST(FixedSchedule, WindowsBothEndsIncluded) {
  const trace::Trace trace = trace_of({{0, 0}, {1000, 1}, {2000, 0}, {3000, 1}, {4000, 2}});
  const auto schedule = fixed_schedule(trace, 2.0, seconds(2), seconds(4));
  ASSERT_EQ(schedule.sends.size(), 2U);  // the second turn of session 1 has lost its first
  EXPECT_EQ(schedule.sends[0].request.value, 2U);
  EXPECT_EQ(schedule.sends[0].at, at(0));
  EXPECT_EQ(schedule.sends[1].request.value, 4U);
  EXPECT_EQ(schedule.sends[1].at, at(1000));
  EXPECT_EQ(fixed_schedule(trace, 1.0, {}, {}).sends.size(), 5U);
  EXPECT_TRUE(fixed_schedule(trace, 1.0, seconds(9), {}).sends.empty());
}

TEST(Pacer, SendsAtTheirTimesFromTheStart) {
  Pacer pacer(fixed_schedule(trace_of({{0, 0}, {10, 0}, {10, 0}, {20, 0}}), 1.0, {}, {}), at(100));
  EXPECT_EQ(pacer.next(), at(100));
  EXPECT_EQ(taken(pacer, at(99)), List{});
  EXPECT_EQ(taken(pacer, at(100)), List{0});
  EXPECT_EQ(pacer.next(), at(110));
  EXPECT_EQ(pacer.upcoming(9, {}).size(), 2U);
  EXPECT_EQ(pacer.take(at(117))->scheduled, at(110));  // late, but it was due then
  EXPECT_EQ(taken(pacer, at(117)), List{2});
  EXPECT_EQ(taken(pacer, at(120)), List{3});
  EXPECT_FALSE(pacer.next());
  EXPECT_FALSE(pacer.finished());
  for (const std::uint32_t i : {0U, 1U, 2U, 3U}) pacer.ended({i}, true, at(130));
  EXPECT_TRUE(pacer.finished());
}

TEST(Pacer, AwakeAMillisecondBeforeASendButOnlyATwentiethOfTheTime) {
  Pacer pacer(fixed_schedule(trace_of({{0, 0}, {10, 0}, {10, 0}, {3010, 0}}), 1.0, {}, {}), at(100));
  EXPECT_EQ(pacer.awake_from(), at(99));
  pacer.take(at(100));
  EXPECT_EQ(pacer.awake_from(), at(110) - microseconds(500));
  EXPECT_EQ(taken(pacer, at(117)), (List{1, 2}));
  EXPECT_EQ(pacer.awake_from(), at(3109));
  EXPECT_EQ(taken(pacer, at(3110)), List{3});
  EXPECT_FALSE(pacer.awake_from());
}

TEST(Pacer, ATurnWaitsForTheOneBeforeAndItsDelay) {
  Pacer pacer(fixed_schedule(trace_of({{0, 1}, {10, 1}, {10, 0}}), 1.0, {}, {}), at(0));
  EXPECT_EQ(taken(pacer, at(12)), (List{0, 2}));
  EXPECT_FALSE(pacer.next());
  pacer.ended({0}, true, at(50));
  EXPECT_EQ(pacer.next(), at(55));
  EXPECT_EQ(pacer.take(at(60))->scheduled, at(55));
}

TEST(Pacer, TurnsAfterAFailedOneAreGivenUp) {
  Pacer pacer(fixed_schedule(trace_of({{0, 1}, {1, 1}, {2, 1}, {3, 2}}), 1.0, {}, {}), at(0));
  EXPECT_EQ(taken(pacer, at(9)), (List{0, 3}));
  const auto given_up = pacer.ended({0}, false, at(9));
  EXPECT_EQ(given_up, (std::vector<RequestIndex>{{1}, {2}}));
  EXPECT_EQ(pacer.left(), 0U);
  pacer.ended({3}, true, at(9));
  EXPECT_TRUE(pacer.finished());
}

TEST(Pacer, AClosedLoopSendsWhenASlotIsFreeAndThatMomentIsTheDueOne) {
  Pacer pacer(closed_loop(trace_of({{0, 0}, {0, 0}, {0, 0}, {0, 0}}), 4, 2), at(10));
  EXPECT_EQ(taken(pacer, at(10)), (List{0, 1}));
  EXPECT_FALSE(pacer.next());
  pacer.ended({1}, true, at(30));
  EXPECT_EQ(pacer.take(at(31))->scheduled, at(30));
  pacer.ended({0}, true, at(40));
  EXPECT_EQ(taken(pacer, at(40)), List{3});
  EXPECT_EQ(pacer.stop(), 0U);
}

TEST(Pacer, StopLeavesWhatIsInFlight) {
  Pacer pacer(fixed_schedule(trace_of({{0, 1}, {1, 1}, {2, 0}}), 1.0, {}, {}), at(0));
  EXPECT_EQ(taken(pacer, at(0)), List{0});
  EXPECT_EQ(pacer.stop(), 2U);
  EXPECT_EQ(taken(pacer, at(9)), List{});
  EXPECT_FALSE(pacer.finished());
  EXPECT_TRUE(pacer.ended({0}, false, at(9)).empty());
  EXPECT_TRUE(pacer.finished());
}

TEST(AtRate, PoissonGapsHaveTheirMeanAndTheirSpread) {
  const trace::Trace trace = trace_of(std::vector<std::pair<int, int>>(20000, {0, 0}));
  const auto sends = at_rate(trace, 20000, 50, true, 7).sends;
  std::vector<double> gaps;
  for (std::size_t i = 1; i < sends.size(); ++i) gaps.push_back(to_s(sends[i].at - sends[i - 1].at));
  double mean = 0;
  std::size_t longer = 0;
  for (const double gap : gaps) {
    mean += gap / static_cast<double>(gaps.size());
    longer += gap > 0.02 ? 1U : 0U;
  }
  EXPECT_NEAR(mean, 0.02, 0.0006);
  EXPECT_NEAR(static_cast<double>(longer) / static_cast<double>(gaps.size()), 0.3679 /* 1/e */, 0.012);
  EXPECT_EQ(at_rate(trace, 3, 50, true, 7).sends[2].at, sends[2].at);
  EXPECT_NE(at_rate(trace, 3, 50, true, 8).sends[2].at, sends[2].at);
  EXPECT_EQ(at_rate(trace, 3, 50, false, 7).sends[2].at, at(40));
}

// Whatever the trace, the slots and the number of threads: every request is sent once or given up, never before it is due,
// never above the slots, never a turn before its turn before has ended well.
RC_GTEST_PROP(PacerProperty, EachOnceInTimeWithinTheSlots, ()) {
  const auto rows = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::pair<int, int>>>(rc::gen::pair(rc::gen::inRange(0, 50), rc::gen::inRange(0, 4))));
  const trace::Trace trace = trace_of(rows);
  trace::Schedule schedule = fixed_schedule(trace, 1.0, {}, {});
  if (*rc::gen::arbitrary<bool>()) schedule.in_flight_max = *rc::gen::inRange(1, 5);
  const auto parts = deal_out(schedule, *rc::gen::inRange<std::size_t>(1, 4));
  std::set<std::uint32_t> seen;
  int slots = 0;
  for (const trace::Schedule& part : parts) {
    slots += part.in_flight_max.value_or(0);
    Pacer pacer(part, at(0));
    std::map<std::uint32_t, bool> ended;
    std::vector<std::uint32_t> in_flight;
    Time now = at(0);
    while (!pacer.finished()) {
      while (const auto due = pacer.take(now)) {
        RC_ASSERT(seen.insert(due->request.value).second);
        const trace::Request request = trace.request(due->request);
        RC_ASSERT((due->scheduled <= now && due->scheduled >= request.at));
        if (request.previous) RC_ASSERT(ended[request.previous->value]);
        in_flight.push_back(due->request.value);
        RC_ASSERT(static_cast<int>(in_flight.size()) <= part.in_flight_max.value_or(INT_MAX));
      }
      if (!in_flight.empty() && *rc::gen::arbitrary<bool>()) {
        const std::uint32_t request = in_flight.back();
        in_flight.pop_back();
        ended[request] = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
        for (const RequestIndex turn : pacer.ended({request}, ended[request], now)) RC_ASSERT(seen.insert(turn.value).second);
      } else {
        now = now + milliseconds(7);
      }
      RC_ASSERT(pacer.in_flight() == in_flight.size());
    }
  }
  RC_ASSERT(seen.size() == trace.size());
  if (schedule.in_flight_max) RC_ASSERT(slots <= *schedule.in_flight_max);
}

}  // namespace
}  // namespace infbench::live
