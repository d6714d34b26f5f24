// Curves worked out by hand.
#include "measure/curves.h"

#include <cmath>

#include <gtest/gtest.h>

#include "measure/example_for_test.h"
#include "measure/live.h"

namespace infbench::measure {
namespace {

// Prompt of 100 tokens from 0 to 100 ms, 11 tokens until 300 ms; the same from 200 ms on.
std::vector<RequestRecord> two_records() {
  auto first = example_success(0, 0, 100, 300, 11, 0);
  auto second = example_success(1, 200, 300, 500, 11, 0);
  first.input = second.input = 100;
  first.worker.reset();
  second.worker.reset();
  return {first, second};
}

void with_gaps(RequestRecord& r, std::vector<std::int64_t> gaps_ms) {
  const auto http = std::make_shared<HttpExchange>();
  for (const std::int64_t gap : gaps_ms) http->gaps_ns.push_back(milliseconds(gap).ns);
  r.http = http;
}

Summary curves_of(const std::vector<RequestRecord>& records) {
  Summary s = summarize(records, example_slo(), {}, 0);
  fill_curves(records, s);
  return s;
}

TEST(Curves, AreWeightedByTime) {
  const Summary s = curves_of(two_records());
  // Over 500 ms: one request, from 200 to 300 ms two.
  EXPECT_DOUBLE_EQ(s.effective_concurrency.avg, 1.2);
  EXPECT_DOUBLE_EQ(s.effective_concurrency.max, 2);
  EXPECT_DOUBLE_EQ(s.effective_concurrency.min, 1);
  EXPECT_DOUBLE_EQ(s.effective_concurrency.std, 0.4);
  EXPECT_DOUBLE_EQ(s.effective_concurrency.p50, 1);
  EXPECT_DOUBLE_EQ(s.effective_concurrency.p90, 2);
  EXPECT_DOUBLE_EQ(s.effective_prefill_concurrency.avg, 0.4);
  EXPECT_DOUBLE_EQ(s.effective_decode_concurrency.avg, 0.8);
  // 100 tokens in 100 ms, twice.
  EXPECT_NEAR(s.effective_prefill_throughput.avg, 400, 1e-9);
  EXPECT_NEAR(s.active_prefill_throughput.avg, 1000, 1e-9);
  EXPECT_NEAR(s.effective_prefill_throughput_per_user.avg, 400, 1e-9);
  // 10 tokens after the first in 200 ms, twice: they do not overlap.
  EXPECT_NEAR(s.effective_decode_throughput.avg, 40, 1e-9);
  EXPECT_NEAR(s.active_decode_throughput.avg, 50, 1e-9);
  EXPECT_NEAR(s.active_decode_throughput_per_user.max, 50, 1e-9);
  EXPECT_NEAR(s.effective_decode_throughput.min, 0, 1e-9);
  EXPECT_NEAR(s.effective_total_throughput.avg, 440, 1e-9);
  EXPECT_NEAR(s.active_total_throughput.avg, 440, 1e-9);
  // 100 for 100 ms, 111 for 100, 211 for 100, 111 for 200.
  EXPECT_NEAR(s.tokens_in_flight.avg, (100 + 111 + 211 + 222) / 5.0, 1e-9);
  EXPECT_TRUE(std::isnan(s.tokens_in_flight.p1));
}

TEST(Curves, GapsShareTheTokensAfterTheFirst) {
  auto records = two_records();
  with_gaps(records[0], {50, 0, 150});  // two gaps that carry 5 tokens each
  with_gaps(records[1], {200});
  const Summary s = curves_of(records);
  EXPECT_NEAR(s.effective_decode_throughput.max, 100, 1e-9);
  EXPECT_NEAR(s.effective_decode_throughput.avg, 40, 1e-9);  // whatever the shape
  // 100 | 101 for 50 ms, 101 + 2 * 10 / 3 for 150 of which 100 beside the second's 100, then 101 for 200.
  const double later = 101 + 20.0 / 3;
  EXPECT_NEAR(s.tokens_in_flight.avg, (100 * 100 + 101 * 50 + later * 150 + 100 * 100 + 101 * 200) / 500, 1e-9);
}

TEST(Curves, OfNothing) {
  const Summary s = curves_of({example_error(0, 0, 10)});
  EXPECT_TRUE(s.effective_concurrency.empty());
  EXPECT_TRUE(s.active_decode_throughput.empty());
}

TEST(RunFigures, ComeFromTheWholeRun) {
  Summary s = summarize(two_records(), example_slo(), {}, 0);
  LiveFigures live;
  live.lag_ms = stats_of(std::vector<double>{1, 2});
  live.inter_chunk_latency = stats_of(std::vector<double>{3});
  add_run_figures(two_records(), live, s);
  EXPECT_EQ(s.replay_sched_lag.max, 2);
  EXPECT_EQ(s.inter_chunk_latency.max, 3);
  EXPECT_FALSE(s.effective_concurrency.empty());
}

}  // namespace
}  // namespace infbench::measure
