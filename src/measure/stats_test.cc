// Percentiles and the like, by hand and by property.
#include "measure/stats.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"

namespace infbench::measure {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> random_samples(std::uint64_t seed, std::size_t count) {
  Random random(seed);
  std::vector<double> samples;
  for (std::size_t i = 0; i < count; ++i) {
    // Whole and fractional, near and far, many equal.
    const double whole = static_cast<double>(random.below(1000));
    samples.push_back(random.below(3) == 0 ? whole : whole * 1e6 * random.unit());
  }
  return samples;
}

TEST(Stats, OfFourNumbers) {
  const std::vector<double> sorted{10, 20, 40, 80};
  const Stats s = stats_of(sorted);
  EXPECT_EQ(s.count, 4);
  EXPECT_EQ(s.sum, 150);
  EXPECT_EQ(s.avg, 37.5);
  EXPECT_EQ(s.min, 10);
  EXPECT_EQ(s.max, 80);
  // Deviations -27.5 -17.5 2.5 42.5: squares 756.25 306.25 6.25 1806.25, sum 2875, over 4 is 718.75.
  EXPECT_DOUBLE_EQ(s.std, 26.809513236909019);
  // Ranks 0.03 0.15 0.3 0.75 1.5 2.25 2.7 2.85 2.97.
  EXPECT_DOUBLE_EQ(s.p1, 10.3);
  EXPECT_DOUBLE_EQ(s.p5, 11.5);
  EXPECT_DOUBLE_EQ(s.p10, 13);
  EXPECT_DOUBLE_EQ(s.p25, 17.5);
  EXPECT_DOUBLE_EQ(s.p50, 30);
  EXPECT_DOUBLE_EQ(s.p75, 50);
  EXPECT_DOUBLE_EQ(s.p90, 68);
  EXPECT_DOUBLE_EQ(s.p95, 74);
  EXPECT_DOUBLE_EQ(s.p99, 78.8);
}

TEST(Stats, OfOneNumberAndOfNone) {
  const std::vector<double> one{7};
  const Stats s = stats_of(one);
  EXPECT_EQ(s.std, 0);
  for (const double figure : {s.sum, s.avg, s.min, s.max, s.p1, s.p5, s.p10, s.p25, s.p50, s.p75, s.p90, s.p95, s.p99}) {
    EXPECT_EQ(figure, 7);
  }
  EXPECT_TRUE(stats_of({}).empty());
  EXPECT_NE(stats_of({}).p50, stats_of({}).p50);  // NaN
}

// Figures that aiperf 0.13 wrote itself, over 29 requests: the shortest answers had 1 and 3 tokens; 26 of 29 connections were
// reused.
TEST(Stats, AgreeWithAiperfsOwnOutput) {
  std::vector<double> lengths{1, 3};
  lengths.insert(lengths.end(), 27, 50);
  EXPECT_DOUBLE_EQ(percentile_linear(lengths, 1), 1.56);
  EXPECT_DOUBLE_EQ(percentile_linear(lengths, 50), 50);
  const std::vector<double> reused = [] {
    std::vector<double> values(29, 1.0);
    std::fill_n(values.begin(), 3, 0.0);
    return values;
  }();
  EXPECT_DOUBLE_EQ(percentile_linear(reused, 10), 0.8000000000000003);
  EXPECT_DOUBLE_EQ(stats_of(reused).std, 0.3045434781492361);
  EXPECT_DOUBLE_EQ(stats_of(reused).avg, 0.896551724137931);
}

TEST(Stats, AdjustedTakeFailuresForInfinitelySlow) {
  const std::vector<double> sorted{10, 20, 40, 80};
  const Stats s = adjusted_stats_of(sorted, 1);  // 5 samples: ranks 0.04 0.2 0.4 1 2 3 3.6 3.8 3.96
  EXPECT_EQ(s.count, 5);
  EXPECT_EQ(s.min, 10);
  EXPECT_EQ(s.p10, 10);
  EXPECT_EQ(s.p25, 20);
  EXPECT_EQ(s.p50, 40);
  EXPECT_EQ(s.p75, 80);
  EXPECT_EQ(s.p90, kInfinity);
  EXPECT_EQ(s.max, kInfinity);
  EXPECT_EQ(s.avg, kInfinity);
  EXPECT_NE(s.std, s.std);
  // Halves go to the even rank: 6 samples, rank 2.5 is 2; 8 samples, rank 3.5 is 4.
  EXPECT_EQ(adjusted_stats_of(sorted, 2).p50, 40);
  EXPECT_EQ(adjusted_stats_of(sorted, 4).p50, kInfinity);
}

RC_GTEST_PROP(StatsProperty, SortsAsTheLibraryDoes, (std::uint64_t seed)) {
  for (const std::size_t count : {0U, 1U, 511U, 512U, 3000U}) {
    std::vector<double> samples = random_samples(seed, count);
    if (seed % 3 == 0 && count > 0) samples[count / 2] = -1.5;  // a live clock may step back
    std::vector<double> expected = samples;
    std::sort(expected.begin(), expected.end());
    sort_samples(samples);
    RC_ASSERT(samples == expected);
  }
}

RC_GTEST_PROP(StatsProperty, PercentilesNeverFall, (std::uint64_t seed)) {
  std::vector<double> samples = random_samples(seed, 1 + seed % 700);
  sort_samples(samples);
  const Stats s = stats_of(samples);
  const double rising[] = {s.min, s.p1, s.p5, s.p10, s.p25, s.p50, s.p75, s.p90, s.p95, s.p99, s.max};
  RC_ASSERT(std::is_sorted(std::begin(rising), std::end(rising)));
  const double slack = 1e-9 * (1 + s.max);
  RC_ASSERT(s.avg >= s.min - slack && s.avg <= s.max + slack);
  RC_ASSERT(s.std <= s.max - s.min + slack);
}

RC_GTEST_PROP(StatsProperty, FailuresNeverImproveAPercentile, (std::uint64_t seed)) {
  std::vector<double> samples = random_samples(seed, 1 + seed % 300);
  sort_samples(samples);
  const Stats few = adjusted_stats_of(samples, 1);
  const Stats more = adjusted_stats_of(samples, 2 + static_cast<std::int64_t>(seed % 50));
  RC_ASSERT(few.p50 <= more.p50 && few.p90 <= more.p90 && few.p99 <= more.p99);
}

}  // namespace
}  // namespace infbench::measure
