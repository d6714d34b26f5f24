#include "live/engine_host.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "live/serve_for_test.h"

namespace infbench::live {
namespace {

using What = EngineEvent::What;

Time at_us(std::int64_t us) { return Time{} + microseconds(us); }

engine::EngineRequest request(std::uint64_t id, Tokens input, Tokens output) {
  return {.id = {id}, .stage = Stage::whole, .input = input, .output = output, .pages = {}};
}

class Host {
 public:
  explicit Host(const ModelClock& clock)
      : settings_(test::settings()), host(settings_.config, settings_.model->step_time, clock, nullptr) {}

  std::vector<EngineEvent> take() {
    std::vector<EngineEvent> events;
    host.take_events(events);
    return events;
  }

 private:
  ServeSettings settings_;

 public:
  EngineHost host;
};

TEST(EngineHost, GivesEachTokenItsDueTimeHoweverLateItIsAsked) {
  Host h({.start = at_us(500), .scale = 1, .instant = false});
  h.host.submit(request(7, 100, 4), at_us(1'500));  // 1 ms of the engine's time
  EXPECT_EQ(h.host.next(), at_us(1'500 + 1'100));
  h.host.advance(at_us(90'000));
  std::vector<std::int64_t> due;
  for (const EngineEvent& event : h.take()) {
    EXPECT_EQ(event.request.value, 7U);
    due.push_back(event.due.ns / 1'000);
  }
  // The prompt takes 1.1 ms, each further token 1.001 ms; then the end.
  EXPECT_EQ(due, (std::vector<std::int64_t>{2'100, 3'101, 4'102, 5'103, 5'103}));
  EXPECT_EQ(h.host.next(), std::nullopt);
}

TEST(EngineHost, ScalesTime) {
  Host h({.start = at_us(0), .scale = 10, .instant = false});
  h.host.submit(request(1, 100, 1), at_us(1'000));
  const Time due = *h.host.next();  // 1.1 ms of the engine's time are 0.11 ms
  EXPECT_GE(due, at_us(1'110));
  EXPECT_LE(due, at_us(1'111));
  h.host.advance(due);
  EXPECT_EQ(h.take().back().what, What::finished);
}

TEST(EngineHost, InstantLeavesNothingToDo) {
  Host h({.start = {}, .scale = 1, .instant = true});
  h.host.submit(request(1, 100, 3), at_us(5));
  EXPECT_EQ(h.host.next(), std::nullopt);
  EXPECT_EQ(h.take().size(), 4U);  // three tokens, the end
}

TEST(EngineHost, InputsOfOneMomentGetStampsOfTheirOwn) {
  Host h({.start = {}, .scale = 1, .instant = false});
  h.host.submit(request(1, 10, 5), at_us(10));
  const Time first = h.host.model_now();
  h.host.submit(request(2, 10, 5), at_us(10));
  const Time second = h.host.model_now();
  h.host.cancel({1}, at_us(10));
  EXPECT_LT(first, second);
  EXPECT_LT(second, h.host.model_now());
}

TEST(EngineHost, FlushesTheCacheOnlyWhenIdle) {
  Host h({.start = {}, .scale = 1, .instant = false});
  const std::vector<PageHash> pages{{1}, {2}, {3}};
  engine::EngineRequest first = request(1, 49, 1);
  first.pages = pages;
  const auto cached = [&](std::uint64_t id, Time now) {
    engine::EngineRequest again = first;
    again.id = {id};
    h.host.submit(again, now);
    EXPECT_FALSE(h.host.flush_cache(now));
    h.host.advance(now + seconds(1));
    return h.take().front().to;
  };
  EXPECT_EQ(cached(1, Time{}), 0);
  EXPECT_EQ(cached(2, Time{} + seconds(2)), 48);
  EXPECT_TRUE(h.host.flush_cache(Time{} + seconds(4)));
  EXPECT_EQ(cached(3, Time{} + seconds(5)), 0);
}

// Inputs at drawn moments, the engine asked late or early: whoever replays the log gets every bit of it.
RC_GTEST_PROP(EngineHostProperty, TheLogReplaysToTheSameNanosecond, ()) {
  ServeSettings settings = test::settings();
  settings.config.kv_capacity = 3'000;  // so that requests wait for each other
  settings.config.chunk = 256;
  const double scale = *rc::gen::element(1.0, 3.0, 0.7);
  const bool instant = *rc::gen::weightedElement<bool>({{5, false}, {1, true}});
  ServeLog log({.worker = 3, .config = settings.config, .step_times = settings.model->step_time.coefficients()});
  EngineHost host(settings.config, settings.model->step_time, {.start = {}, .scale = scale, .instant = instant}, &log);
  Time now;
  std::vector<EngineEvent> events;
  std::map<std::uint64_t, std::vector<Time>> due;
  const auto take = [&] {
    host.take_events(events);
    for (const EngineEvent& e : events) {
      if (e.what == What::token || e.what == What::first_token) due[e.request.value].push_back(e.due);
    }
  };
  const int inputs = *rc::gen::inRange(1, 60);
  for (int i = 0; i < inputs; ++i) {
    now = now + microseconds(*rc::gen::inRange(0, 3'000));
    const auto id = static_cast<std::uint64_t>(i);
    const int what = *rc::gen::inRange(0, 8);
    if (what == 0) {
      host.advance(now);
    } else if (what == 1) {
      host.cancel({id / 2}, now);
    } else if (what == 2) {
      host.flush_cache(now);
    } else {
      std::vector<PageHash> pages;
      const auto name = *rc::gen::inRange<std::uint64_t>(0, 3);
      const Tokens input = *rc::gen::inRange<Tokens>(1, 600);
      for (Tokens p = 0; p < input / 16; ++p) pages.push_back({name * 1000 + static_cast<std::uint64_t>(p) + 1});
      host.submit(
          {.id = {id}, .stage = Stage::whole, .input = input, .output = *rc::gen::inRange<Tokens>(1, 40), .pages = pages}, now);
    }
    take();
  }
  host.advance(now + seconds(100));
  take();
  std::size_t tokens = 0;
  for (const auto& [id, times] : due) {
    log.answer({.request = {id}, .x_request_id = {}, .outcome = "finished", .due = times, .sent_late_ns = {}});
    tokens += times.size();
  }
  log.close();
  const auto check = check_log(log.text());
  RC_ASSERT(check.has_value());
  for (const std::string& difference : check->differences) RC_FAIL(difference);
  RC_ASSERT(check->tokens == tokens);
}

TEST(ServeLog, ACheckFindsWhatDoesNotFit) {
  ServeSettings settings = test::settings();
  ServeLog log({.worker = 0, .config = settings.config, .step_times = settings.model->step_time.coefficients()});
  EngineHost host(settings.config, settings.model->step_time, {}, &log);
  host.submit(request(0, 100, 3), at_us(10));
  host.advance(at_us(100'000));
  const std::vector<Time> due{at_us(1'110), at_us(2'111), at_us(3'112)};
  log.answer({.request = {0}, .x_request_id = {}, .outcome = "finished", .due = due, .sent_late_ns = {}});
  log.close();
  const std::string text = log.text();
  ASSERT_TRUE(check_log(text).has_value());
  EXPECT_TRUE(check_log(text)->differences.empty());

  const auto with = [&](std::string_view from, std::string_view to) {
    std::string other = text;
    const std::size_t at = other.find(from);
    EXPECT_NE(at, std::string::npos) << from << " in\n" << text;
    return other.replace(at, from.size(), to);
  };
  EXPECT_EQ(check_log(with("\"steps\":2", "\"steps\":1"))->differences.size(), 1U);
  EXPECT_EQ(check_log(with("[1110000,", "[1110001,"))->differences.size(), 1U);
  EXPECT_GE(check_log(with("\"input\":100", "\"input\":101"))->differences.size(), 1U);
  const auto broken = check_log(with("\"at\":", "\"et\":"));
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().front().line, 2);
}

}  // namespace
}  // namespace infbench::live
