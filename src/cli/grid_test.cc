#include "cli/grid.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/parallel.h"

namespace infbench::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Grid, IsTheCrossProductInOrder) {
  const std::vector<std::string> axes{"speed=1,2.5", "policy=random,cache_aware", "a.b=[1,2],\"x,y\"", "seed=7"};
  const auto points = grid_points(axes);
  ASSERT_TRUE(points);
  ASSERT_EQ(points->size(), 8);
  EXPECT_THAT((*points)[0].values,
              ElementsAre(Pair("speed", "1"), Pair("policy", "random"), Pair("a.b", "[1,2]"), Pair("seed", "7")));
  EXPECT_EQ((*points)[1].values[2].second, "\"x,y\"");
  EXPECT_EQ((*points)[4].speed, 2.5);
  EXPECT_EQ((*points)[7].seed, 7);
  EXPECT_THAT((*points)[7].edits,
              ElementsAre(recipe::Edit{.text = "frontend.type=srtctl"},
                          recipe::Edit{.text = "frontend.args.policy=cache_aware"}, recipe::Edit{.text = "a.b=\"x,y\""}));
  EXPECT_EQ(grid_points({})->size(), 1);
}

TEST(Grid, SaysWhatIsWrong) {
  for (const char* wrong : {"", "speed", "=1", "speed=", "speed=1,", "speed=fast", "speed=0", "seed=-1", "seed=1.5"}) {
    const auto points = grid_points(std::vector<std::string>{wrong});
    ASSERT_FALSE(points) << wrong;
    EXPECT_THAT(points.error().front().what, HasSubstr("--grid")) << wrong;
  }
  EXPECT_THAT(grid_points(std::vector<std::string>{"a=1", "a=2"}).error().front().what, HasSubstr("twice"));
}

TEST(ParallelFor, RunsEachTaskOnce) {
  for (const unsigned threads : {0U, 1U, 3U, 64U}) {
    for (const std::size_t count : {0U, 1U, 2U, 100U}) {
      std::vector<std::atomic<int>> runs(count);
      std::size_t told = 0;
      parallel_for(
          count, threads, [&](std::size_t i) { ++runs[i]; }, [&](std::size_t ended) { told = ended; });
      for (const auto& run : runs) EXPECT_EQ(run, 1);
      EXPECT_EQ(told, count);
    }
  }
}

}  // namespace
}  // namespace infbench::cli
