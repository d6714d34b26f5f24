#include "trace/analyze.h"

#include <gtest/gtest.h>

#include "trace/synthesize.h"
#include "trace/trace_for_test.h"

namespace infbench::trace {
namespace {

TEST(Analyze, CountsByHand) {
  // Blocks 0 0 | 0 1 2 | 2: six in all, three different, two in more than one place. Repeated tokens: 100, 512 and 50 of 1938.
  const Analysis a = analyze(read_text(row(0, 612, 10, {0, 0}) + row(0, 1276, 20, {0, 1, 2}) + row(2000, 50, 40, {2})).trace);
  EXPECT_EQ(a.requests, 3);
  EXPECT_EQ(a.later_turns, 0);
  EXPECT_EQ(a.duration, seconds(2));
  EXPECT_DOUBLE_EQ(a.rate_per_s, 1.5);
  EXPECT_EQ(a.total_blocks, 6);
  EXPECT_EQ(a.unique_blocks, 3);
  EXPECT_EQ(a.reused_blocks, 2);
  EXPECT_DOUBLE_EQ(a.cache_efficiency_blocks, 0.5);
  EXPECT_DOUBLE_EQ(a.cache_efficiency_tokens, 662.0 / 1938.0);
  EXPECT_EQ(a.largest_burst, 2);
  EXPECT_EQ(a.input.min, 50);
  EXPECT_EQ(a.input.max, 1276);
  EXPECT_DOUBLE_EQ(a.input.mean, 646.0);
  EXPECT_DOUBLE_EQ(a.input.p50, 612.0);
  EXPECT_DOUBLE_EQ(a.output.p50, 20.0);
  EXPECT_DOUBLE_EQ(a.output.p90, 36.0);  // rank 1.8 between 20 and 40
  EXPECT_NEAR(a.output.p99, 39.6, 1e-9);
}

TEST(Analyze, SparseAndHugeBlockIdsCountTheSame) {
  for (const std::uint64_t far : {std::uint64_t{5}, std::uint64_t{4'000'000'000}, UINT64_MAX}) {
    const Analysis a = analyze(read_text(row(0, 1024, 1, {0, far}) + row(0, 1024, 1, {far, 7})).trace);
    EXPECT_EQ(a.total_blocks, 4);
    EXPECT_EQ(a.unique_blocks, 3);
    EXPECT_EQ(a.reused_blocks, 1);
  }
}

TEST(Analyze, ASingleRequestHasNoRate) {
  const Analysis a = analyze(read_text(row(5, 5, 5, {0})).trace);
  EXPECT_EQ(a.duration, Duration{});
  EXPECT_EQ(a.rate_per_s, 0.0);
  EXPECT_EQ(a.largest_burst, 1);
}

TEST(Analyze, CountsTurns) {
  EXPECT_EQ(analyze(read_text(row(0, 5, 5, {0}, R"(, "session_id": 1)") + row(0, 5, 5, {0}, R"(, "session_id": 1)")).trace)
                .later_turns,
            1);
}

// The published figures, to their last digit on the published trace, within 2 % on the stand-in.
TEST(Analyze, OfTheConversationTraceGivesThePublishedFigures) {
  const std::string published = published_conversation();
  const bool real = !published.empty();
  const Trace trace = real ? read_trace(published).value().trace
                           : synthesize({.like = "conversation", .requests = {}, .seed = 0, .speed = 1}).value();
  const Analysis a = analyze(trace);
  const auto near = [&](double found, double expected, double last_digit) {
    EXPECT_NEAR(found, expected, real ? last_digit / 2 : expected * 0.02);
  };
  EXPECT_EQ(a.requests, 12'031);
  near(to_s(a.duration) / 60, 58.95, 0.01);
  near(a.rate_per_s, 3.401, 0.001);
  near(a.input.mean, 12'035.1, 0.1);
  near(a.output.mean, 342.6, 0.1);
  near(static_cast<double>(a.total_blocks), 288'500, 0.1);
  near(static_cast<double>(a.unique_blocks), 182'790, 0.1);
  near(static_cast<double>(a.reused_blocks), 44'144, 0.1);
  near(a.cache_efficiency_blocks, 0.3664, 0.0001);
  near(a.cache_efficiency_tokens, 0.3736, 0.0001);
  near(static_cast<double>(a.largest_burst), 28, 0.1);
  near(static_cast<double>(a.input.min), 891, 0.1);
  near(a.input.p50, 6909, 0.1);
  near(a.input.p90, 27'367, 0.1);
  near(a.input.p99, 85'400.4, 0.1);
  near(static_cast<double>(a.input.max), 126'195, 0.1);
  near(static_cast<double>(a.output.min), 1, 0.1);
  near(a.output.p50, 350, 0.1);
  near(a.output.p90, 597, 0.1);
  near(a.output.p99, 1118.5, 0.1);
  near(static_cast<double>(a.output.max), 2000, 0.1);
}

}  // namespace
}  // namespace infbench::trace
