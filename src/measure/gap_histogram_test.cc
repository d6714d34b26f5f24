#include "measure/gap_histogram.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace infbench::measure {
namespace {

TEST(GapHistogram, NothingHasNoFigures) { EXPECT_TRUE(GapHistogram{}.stats_ms().empty()); }

TEST(GapHistogram, CountsGapsOfZeroAndExactExtremes) {
  GapHistogram gaps;
  for (const std::int64_t ns : {0, 0, 0, 25'000'001, 31'999'999}) gaps.add({ns});
  const Stats stats = gaps.stats_ms();
  EXPECT_EQ(stats.count, 5);
  EXPECT_EQ(stats.min, 0);
  EXPECT_DOUBLE_EQ(stats.max, 31.999999);
  EXPECT_DOUBLE_EQ(stats.sum, 57.0);
  EXPECT_EQ(stats.p50, 0);
}

RC_GTEST_PROP(GapHistogram, PercentilesAreWithinAThousandthOfTheNearestSample, ()) {
  const auto exponents = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 48)));
  std::vector<std::int64_t> samples;
  GapHistogram whole;
  GapHistogram half;
  for (const int exponent : exponents) {
    const auto low = std::int64_t{1} << exponent;
    samples.push_back(*rc::gen::inRange(low, 2 * low));
    (samples.size() % 2 == 0 ? half : whole).add({samples.back()});
  }
  whole.merge(half);
  std::sort(samples.begin(), samples.end());
  const Stats stats = whole.stats_ms();
  RC_ASSERT(stats.count == static_cast<std::int64_t>(samples.size()));
  for (const auto& [percent, value] : {std::pair{1.0, stats.p1}, {50.0, stats.p50}, {90.0, stats.p90}, {99.0, stats.p99}}) {
    const auto rank = static_cast<std::size_t>(static_cast<double>(samples.size() - 1) * percent / 100 + 0.5);
    const double exact = static_cast<double>(samples[rank]) / 1e6;
    RC_ASSERT(std::abs(value - exact) <= exact * 1e-3);
  }
}

}  // namespace
}  // namespace infbench::measure
