// The circuit breaker and the health watch, each as a timeline; the headers that are passed on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "live/gateway_breaker.h"
#include "live/gateway_headers.h"
#include "live/gateway_health.h"

namespace infbench::live {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Time at(std::int64_t s) { return Time{} + seconds(s); }

BreakerSettings breaker_settings() {
  return {.failures_to_open = 3, .successes_to_close = 2, .open_for = seconds(60), .window = seconds(10)};
}

TEST(CircuitBreaker, OpensAfterFailuresInARowWithinTheWindow) {
  struct Case {
    const char* what;
    std::vector<std::pair<std::int64_t, bool>> ends;  // when, and whether well
    bool passes;
  };
  const Case cases[] = {
      {"nothing", {}, true},
      {"two", {{1, false}, {2, false}}, true},
      {"three", {{1, false}, {2, false}, {3, false}}, false},
      {"a success in between", {{1, false}, {2, false}, {3, true}, {4, false}, {5, false}}, true},
      {"the first too long ago", {{1, false}, {2, false}, {12, false}}, true},
      {"and then three in the window", {{1, false}, {12, false}, {13, false}, {14, false}}, false},
  };
  for (const Case& each : cases) {
    CircuitBreaker breaker(breaker_settings());
    for (const auto& [when, well] : each.ends) {
      EXPECT_FALSE(breaker.dispatched()) << each.what;
      well ? breaker.succeeded(false) : breaker.failed(false, at(when));
    }
    EXPECT_EQ(breaker.passes(), each.passes) << each.what;
  }
}

TEST(CircuitBreaker, SwitchedOffItNeverOpens) {
  CircuitBreaker breaker({.enabled = false, .failures_to_open = 1});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(breaker.failed(false, at(1)));
  EXPECT_TRUE(breaker.passes());
}

TEST(CircuitBreaker, HalfOpenLetsOneProbeThroughAtATime) {
  CircuitBreaker breaker(breaker_settings());
  for (int i = 0; i < 3; ++i) breaker.failed(false, at(1));
  EXPECT_EQ(breaker.next(), at(61));
  EXPECT_FALSE(breaker.advance(at(60)));
  EXPECT_TRUE(breaker.advance(at(61)));
  EXPECT_TRUE(breaker.passes());
  EXPECT_TRUE(breaker.dispatched());  // the probe
  EXPECT_FALSE(breaker.passes());
  EXPECT_FALSE(breaker.succeeded(false));  // a request from before it opened tells nothing
  EXPECT_FALSE(breaker.failed(false, at(62)));
  EXPECT_FALSE(breaker.given_up(false));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::half_open);
  EXPECT_TRUE(breaker.given_up(true));  // its client left: another probe may go
  EXPECT_TRUE(breaker.dispatched());
  EXPECT_TRUE(breaker.succeeded(true));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::half_open);
  EXPECT_TRUE(breaker.dispatched());
  EXPECT_TRUE(breaker.succeeded(true));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
  EXPECT_FALSE(breaker.dispatched());
}

TEST(CircuitBreaker, AProbeHasToldWhatItCanWhenItsAnswerBegins) {
  CircuitBreaker breaker(breaker_settings());
  EXPECT_FALSE(breaker.probe_answers());
  for (int i = 0; i < 3; ++i) breaker.failed(false, at(1));
  breaker.advance(at(61));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(breaker.state(), CircuitBreaker::State::half_open);
    EXPECT_TRUE(breaker.dispatched());
    EXPECT_TRUE(breaker.probe_answers());
    EXPECT_TRUE(breaker.passes());
  }
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
  EXPECT_EQ(breaker.counts().successes, 0U) << "their ends are counted";
  EXPECT_FALSE(breaker.succeeded(false));
  EXPECT_EQ(breaker.counts().successes, 1U);
}

TEST(CircuitBreaker, AProbeThatFailsOpensItForAnotherPeriod) {
  CircuitBreaker breaker(breaker_settings());
  for (int i = 0; i < 3; ++i) breaker.failed(false, at(1));
  breaker.advance(at(61));
  breaker.dispatched();
  breaker.succeeded(true);
  breaker.dispatched();
  breaker.failed(true, at(70));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::open);
  EXPECT_EQ(breaker.next(), at(130));
  breaker.advance(at(130));
  breaker.dispatched();
  breaker.succeeded(true);  // counted from the start again
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::half_open);
}

// Each letter is an answer: + good, - bad. H/u after it: healthy or not.
TEST(HealthWatch, FallsAndRisesAfterSoManyAnswersInARow) {
  struct Case {
    const char* answers;
    const char* states;
  };
  for (const Case& each : {Case{"---+", "uuuH"}, Case{"+--+---", "HHHHHHu"}, Case{"+---+-++", "HHHuuuuH"}}) {
    HealthWatch watch(HealthSettings{}, at(0));
    EXPECT_FALSE(watch.healthy());
    std::string states;
    Time now = at(0);
    for (const char answer : std::string_view(each.answers)) {
      EXPECT_GE(watch.next(), now);
      now = watch.next();
      watch.asked();
      EXPECT_EQ(watch.next(), kNever);
      const bool before = watch.healthy();
      const bool changed = watch.answered(answer == '+', now);
      EXPECT_EQ(changed, watch.healthy() != before);
      states += watch.healthy() ? 'H' : 'u';
    }
    EXPECT_EQ(states, each.states) << each.answers;
  }
}

TEST(HealthWatch, AsksOftenWhileItIsNotSureAndSeldomWhenAllIsWell) {
  HealthWatch watch(HealthSettings{}, at(0));
  std::vector<std::int64_t> ms;
  Time now = at(0);
  for (const bool ok : {false, false, true, true, false, true}) {
    now = watch.next();
    ms.push_back(now.ns / 1'000'000);
    watch.asked();
    watch.answered(ok, now);
  }
  ms.push_back(watch.next().ns / 1'000'000);
  EXPECT_THAT(ms, ::testing::ElementsAre(0, 250, 500, 60'500, 120'500, 121'500, 181'500));
}

TEST(HealthWatch, GivesUpAWorkerThatNeverCame) {
  HealthWatch watch({.startup_timeout = seconds(3)}, at(0));
  for (Time now = watch.next(); now != kNever; now = watch.next()) {
    watch.asked();
    watch.answered(false, now);
    ASSERT_LT(now, at(10));
  }
  EXPECT_TRUE(watch.given_up(at(4)));
}

TEST(HealthWatch, SwitchedOffAllAreHealthy) {
  const HealthWatch watch({.enabled = false}, at(0));
  EXPECT_TRUE(watch.healthy());
  EXPECT_EQ(watch.next(), kNever);
}

net::HttpHead head_with(std::vector<std::pair<std::string, std::string>> headers) {
  net::HttpHead head;
  head.headers = std::move(headers);
  return head;
}

TEST(GatewayHeaders, ThoseOfOneConnectionStayBehind) {
  const net::HttpHead head = head_with({{"host", "x"},
                                        {"connection", "close, X-Private ,keep-alive"},
                                        {"x-private", "1"},
                                        {"keep-alive", "timeout=5"},
                                        {"te", "trailers"},
                                        {"trailer", "x"},
                                        {"transfer-encoding", "chunked"},
                                        {"upgrade", "h2c"},
                                        {"proxy-authorization", "secret"},
                                        {"proxy-connection", "close"},
                                        {"content-length", "5"},
                                        {"expect", "100-continue"},
                                        {"x-request-id", "theirs"},
                                        {"authorization", "Bearer k"},
                                        {"traceparent", "00-1"},
                                        {"content-type", "application/json"},
                                        {"x-many", "1"},
                                        {"x-many", "2"}});
  std::string out;
  append_end_to_end(head, "x-request-id", out);
  EXPECT_EQ(out,
            "authorization: Bearer k\r\ntraceparent: 00-1\r\ncontent-type: application/json\r\nx-many: 1\r\nx-many: 2\r\n");
}

TEST(GatewayHeaders, ARequestKeepsItsIdOrGetsOne) {
  const std::vector<std::string> names{"x-request-id", "x-trace-id"};
  Random random(1);
  EXPECT_EQ(request_id(head_with({{"x-trace-id", "t"}, {"x-request-id", "r"}}), names, random), "r");
  EXPECT_EQ(request_id(head_with({{"x-trace-id", "t"}, {"x-request-id", ""}}), names, random), "t");
  const std::string made = request_id(head_with({{"x-request-id", std::string(1000, 'a')}}), names, random);
  EXPECT_EQ(made.size(), 28U);
  EXPECT_EQ(made.substr(0, 4), "req-");
  EXPECT_NE(made, request_id({}, names, random));
}

TEST(GatewayHeaders, OnlyTheWholeKeyIsTheKey) {
  for (const auto& [given, fits] : std::vector<std::pair<std::string, bool>>{{"Bearer secret", true},
                                                                             {"bearer secret", true},
                                                                             {"Bearer secre", false},
                                                                             {"Bearer secretsecret", false},
                                                                             {"Bearer Secret", false},
                                                                             {"Bearer ", false},
                                                                             {"Basic secret", false},
                                                                             {"secret", false}}) {
    EXPECT_EQ(has_key(head_with({{"authorization", given}}), "secret"), fits) << given;
  }
  EXPECT_FALSE(has_key({}, "secret"));
}

TEST(GatewayHeaders, MessagesNameNoAddress) {
  for (const char* code : {"no_available_workers", "too_many_requests", "queue_timeout", "timeout", "upstream_failed"}) {
    EXPECT_THAT(message_of(code), Not(HasSubstr("http"))) << code;
    EXPECT_FALSE(message_of(code).empty());
  }
}

}  // namespace
}  // namespace infbench::live
