// After 30 days the parts of serve, route and replay that have a clock still do what they did at the beginning, and their sums
// still fit.
#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "live/gateway_for_test.h"
#include "live/model_clock.h"
#include "live/prometheus_text.h"

namespace infbench::live {
namespace {

using test::gateway_settings;
using test::GatewayBench;
using test::prompt_info;
using ::testing::HasSubstr;

constexpr Duration kMonth = seconds(30 * 86'400);

// Retries, a breaker that opens and closes, a queue with a time limit, a rate, a time-out: what becomes of a set of requests,
// with the moments of each command since `begin`.
std::vector<std::string> hour_of_trouble(GatewayBench& b) {
  const Time begin = b.now;
  std::vector<std::string> all;
  const auto note = [&] {
    for (const std::string& line : b.commands()) all.push_back(std::to_string((b.now - begin).ns) + " " + line);
  };
  for (int i = 0; i < 200; ++i) {
    const CallId call = b.arrive(prompt_info(static_cast<std::uint64_t>(i % 7)));
    note();
    if (i % 3 == 0) b.gateway->broke(call, Part::whole, b.now);
    if (i % 3 == 1) b.serve(call);
    note();
    b.pass(Duration{18'000'000'123});
    note();
  }
  b.pass(seconds(7200));
  note();
  return all;
}

TEST(LongRun, AGatewayOfThirtyDaysTreatsRequestsAsANewOne) {
  GatewaySettings settings = gateway_settings(3);
  settings.health.enabled = true;
  settings.breaker.failures_to_open = 3;
  settings.admission.concurrent_max = 4;
  settings.admission.rate_per_s = 0.11;
  settings.request_timeout = seconds(100);
  GatewayBench fresh(settings);
  fresh.pass(seconds(60));
  GatewayBench old(settings);
  old.pass(seconds(60));
  old.now = old.now + kMonth;  // without the million health checks between
  old.gateway->advance(old.now);
  for (const WorkerId id : old.gateway->health_due(old.now)) old.gateway->health(id, true, old.now);
  old.pass(seconds(60));
  fresh.pass(seconds(60));
  const auto expected = hour_of_trouble(fresh);
  EXPECT_GT(expected.size(), 300U);
  EXPECT_EQ(hour_of_trouble(old), expected);
  EXPECT_TRUE(old.is_idle());
}

RC_GTEST_PROP(LongRun, WhatIsDueInTheEnginesTimeIsDueInRealTimeForThirtyDays, ()) {
  const double scale = *rc::gen::element(1.0, 0.001, 0.7, 3.0, 19.99, ModelClock::kScaleMax);
  const ModelClock clock{.start = Time{*rc::gen::inRange<std::int64_t>(0, kMonth.ns)}, .scale = scale};
  const Time real = clock.start + Duration{*rc::gen::inRange<std::int64_t>(0, kMonth.ns)};
  const Time model = clock.to_model(real);
  const Time due = clock.to_real(model);
  RC_ASSERT(clock.to_model(due) >= model);
  RC_ASSERT(std::abs((due - real).ns) <= 2 + static_cast<std::int64_t>(1 / scale));
  RC_ASSERT(clock.to_model(clock.start + kMonth + kMonth) < kNever);
}

TEST(LongRun, AHistogramSumsTheTimesOfFiveThousandStreamsForThirtyDays) {
  constexpr std::array<double, 1> kBounds{1};
  DurationHistogram histogram(kBounds);
  for (int i = 0; i < 5000; ++i) histogram.add(kMonth);
  std::string text;
  histogram.write(text, "x_seconds", "");
  EXPECT_THAT(text, HasSubstr("x_seconds_sum 12960000000.0\n"));
  EXPECT_THAT(text, HasSubstr("x_seconds_count 5000.0\n"));
}

TEST(LongRun, SendsOfAMonthKeepTheirMicroseconds) {
  for (const std::int64_t us : {1, 999'999}) {
    const Duration at = kMonth + microseconds(us);
    EXPECT_EQ(std::llround(to_ms(at) * 1000), at.ns / 1000);
    EXPECT_EQ(std::llround(to_s(at) * 1e6), at.ns / 1000);
    EXPECT_NE(to_ms(at), to_ms(at + microseconds(1)));
  }
}

}  // namespace
}  // namespace infbench::live
