#include "measure/thinned_samples.h"

#include <gtest/gtest.h>

namespace infbench::measure {
namespace {

TEST(ThinnedSamples, ShortRunsKeepAll) {
  ThinnedSamples samples;
  EXPECT_TRUE(samples.stats().empty());
  for (std::size_t i = 0; i < ThinnedSamples::kMost; ++i) samples.add(static_cast<double>(i));
  EXPECT_EQ(samples.kept().size(), ThinnedSamples::kMost);
  EXPECT_EQ(samples.stats().avg, static_cast<double>(ThinnedSamples::kMost - 1) / 2);
}

// Three a second for 30 days.
TEST(ThinnedSamples, LongRunsKeepSomeSpreadEvenly) {
  constexpr std::int64_t kAll = 3 * 86'400 * 30;
  ThinnedSamples samples;
  for (std::int64_t i = 0; i < kAll; ++i) samples.add(static_cast<double>(i == 1'234'567 ? 1'000'000'000 : i));
  EXPECT_EQ(samples.count(), kAll);
  const std::vector<double>& kept = samples.kept();
  EXPECT_LE(kept.size(), ThinnedSamples::kMost);
  EXPECT_GT(kept.size(), ThinnedSamples::kMost / 2);
  const double apart = kept[1] - kept[0];
  for (std::size_t i = 1; i < kept.size(); ++i) ASSERT_EQ(kept[i] - kept[i - 1], apart) << i;
  EXPECT_LT(static_cast<double>(kAll) - kept.back(), apart + 1);
  const Stats stats = samples.stats();
  EXPECT_EQ(stats.min, 0);
  EXPECT_EQ(stats.max, 1'000'000'000) << "also when it was not kept";
  EXPECT_NEAR(stats.p50 / kAll, 0.5, 1e-3);
  EXPECT_NEAR(stats.p99 / kAll, 0.99, 1e-3);
}

}  // namespace
}  // namespace infbench::measure
