#include "base/random.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace infbench {
namespace {

struct Golden {
  std::uint64_t seed;
  std::array<std::uint64_t, 4> numbers;
};

// Computed by another program from the published algorithms; those of seed 0 are also the test values of other libraries.
TEST(Random, NumbersAreThoseOfXoshiro256StarStar) {
  const std::vector<Golden> table = {
      {0, {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c}},
      {1, {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7}},
      {42, {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1}},
      {UINT64_MAX, {0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f}},
  };
  for (const Golden& golden : table) {
    Random random(golden.seed);
    for (const std::uint64_t expected : golden.numbers) EXPECT_EQ(random.next(), expected) << "seed " << golden.seed;
  }
}

TEST(Random, StaysOnCourseAfterAThousandNumbers) {
  Random random(0);
  for (int i = 0; i < 1000; ++i) random.next();
  EXPECT_EQ(random.next(), 0x2c9f68b076642982U);
}

TEST(Random, UnitIsTheTop53Bits) {
  Random random(0);
  EXPECT_EQ(random.unit(), 0x1.33d8be6d96ebep-1);
  EXPECT_EQ(random.unit(), 0.7477740925472398);
  EXPECT_EQ(random.unit(), 0.10301998939503632);
}

TEST(Random, BelowGivesTheSameNumbersEverywhere) {
  Random random(7);
  const std::array<std::uint64_t, 12> expected = {4, 4, 8, 4, 4, 1, 6, 6, 8, 9, 3, 6};
  for (const std::uint64_t digit : expected) EXPECT_EQ(random.below(10), digit);
}

RC_GTEST_PROP(Random, BelowAndUnitStayInRange, (std::uint64_t seed)) {
  const std::uint64_t bound = *rc::gen::suchThat<std::uint64_t>([](std::uint64_t b) { return b > 0; });
  Random random(seed);
  for (int i = 0; i < 20; ++i) {
    RC_ASSERT(random.below(bound) < bound);
    const double unit = random.unit();
    RC_ASSERT(unit >= 0.0 && unit < 1.0);
  }
}

// A bound of 3 * 2^62 is where `next() % bound` would give the first third of the range twice as often as the rest.
TEST(Random, BelowHasNoBias) {
  constexpr std::uint64_t kThird = std::uint64_t{1} << 62U;
  constexpr int kDraws = 30'000;
  Random random(3);
  std::array<int, 3> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts.at(random.below(3 * kThird) / kThird);
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 3, 500);  // six standard deviations
}

TEST(Random, BelowOneIsZeroAndBelowNothingIsABug) {
  Random random(5);
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_DEATH(random.below(0), "bug in infbench");
}

}  // namespace
}  // namespace infbench
