#include "cost/draw.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace infbench::cost {
namespace {

Coefficients some() {
  Coefficients c;
  c.step = 8'000'000 * kTicksPerNs;
  c.token = 15'000 * kTicksPerNs;
  c.token_knees = {128, 512, 3072};
  c.kv_token = 30 * kTicksPerNs;
  c.attention_pair = 100'000;
  return c;
}

TEST(Draw, DeviatesAsMuchAsTheUncertaintySays) {
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 2000;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    const double off = static_cast<double>(drawn(some(), 0.02, draw).token) / static_cast<double>(some().token) - 1;
    sum += off;
    squares += off * off;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.002);
  EXPECT_NEAR(std::sqrt(squares / kDraws), 0.02, 0.001);
}

TEST(SpedUp, DividesEveryTime) {
  const Coefficients fast = sped_up(some(), 4);
  EXPECT_NEAR(static_cast<double>(fast.step), static_cast<double>(some().step) / 4, 1);
  EXPECT_NEAR(static_cast<double>(fast.attention_pair), static_cast<double>(some().attention_pair) / 4, 1);
  EXPECT_EQ(fast.token_knees, some().token_knees);
  EXPECT_EQ(sped_up(some(), 1).token, some().token);
}

TEST(Draw, IsTheSameForAllModelsAndAnotherForEachNumber) {
  Coefficients twice = some();
  twice.token *= 2;
  std::set<Ticks> seen;
  for (std::uint64_t draw = 0; draw < 20; ++draw) {
    const Coefficients a = drawn(some(), 0.02, draw);
    EXPECT_NEAR(static_cast<double>(drawn(twice, 0.02, draw).token), 2.0 * static_cast<double>(a.token), 2);
    EXPECT_NE(static_cast<double>(a.step) / static_cast<double>(some().step),
              static_cast<double>(a.token) / static_cast<double>(some().token));
    EXPECT_EQ(a.token_knees, some().token_knees);
    EXPECT_EQ(a.prompt_step, 0);
    seen.insert(a.token);
  }
  EXPECT_EQ(seen.size(), 20);
  EXPECT_EQ(drawn(some(), 0, 7).token, some().token);
  EXPECT_GT(drawn(some(), 1000, 7).step, 0);
}

}  // namespace
}  // namespace infbench::cost
