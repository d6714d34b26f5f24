#include "cli/progress.h"

#include <gtest/gtest.h>

namespace infbench::cli {
namespace {

TEST(Progress, TellsAmountRateAndTimeLeft) {
  EXPECT_EQ(progress_text("qwen3", {}, 1200, 12031, 1.5), "qwen3: 1200 of 12031 requests, 800 requests/s, 0:14 left");
  EXPECT_EQ(progress_text("t.jsonl", kMegabytes, 1'500'000, 100'000'000, 1), "t.jsonl: 1.5 of 100.0 MB, 1.5 MB/s, 1:06 left");
  EXPECT_EQ(progress_text("t.jsonl", kMegabytes, 1'500'000, 0, 1), "t.jsonl: 1.5 MB, 1.5 MB/s") << "size not known";
  EXPECT_EQ(progress_text("qwen3", {}, 0, 10, 1), "qwen3: 0 of 10 requests, 0 requests/s") << "no rate yet";
}

TEST(Progress, MinutesAndSeconds) {
  EXPECT_EQ(minutes_text(-3), "0:00");
  EXPECT_EQ(minutes_text(59.6), "1:00");
  EXPECT_EQ(minutes_text(3725), "62:05");
}

}  // namespace
}  // namespace infbench::cli
