#include "trace/synthesize.h"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "trace/analyze.h"
#include "trace/length_pool.h"
#include "trace/trace_for_test.h"
#include "trace/write.h"

namespace infbench::trace {
namespace {

using ::testing::ElementsAre;

Trace made(const std::string& like, std::uint64_t seed, std::optional<std::uint32_t> requests = {}, double speed = 1) {
  return synthesize({.like = like, .requests = requests, .seed = seed, .speed = speed}).value();
}

void expect_near(double found, double expected, double tolerance = 0.02) { EXPECT_NEAR(found, expected, expected * tolerance); }

TEST(Synthesize, ConversationHasThePublishedFiguresWithAnySeed) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const Analysis a = analyze(made("conversation", seed * 977));
    EXPECT_EQ(a.requests, 12'031);
    expect_near(to_s(a.duration) / 60, 58.95);
    expect_near(a.rate_per_s, 3.401);
    expect_near(a.input.mean, 12'035.1);
    expect_near(static_cast<double>(a.input.min), 891);
    expect_near(a.input.p50, 6909);
    expect_near(a.input.p90, 27'367);
    expect_near(a.input.p99, 85'400.4);
    expect_near(static_cast<double>(a.input.max), 126'195);
    expect_near(a.output.mean, 342.6);
    EXPECT_EQ(a.output.min, 1);
    expect_near(a.output.p50, 350);
    expect_near(a.output.p90, 597);
    expect_near(a.output.p99, 1118.5);
    expect_near(static_cast<double>(a.output.max), 2000);
    expect_near(static_cast<double>(a.total_blocks), 288'500);
    expect_near(static_cast<double>(a.unique_blocks), 182'790);
    expect_near(static_cast<double>(a.reused_blocks), 44'144);
    expect_near(a.cache_efficiency_blocks, 0.3664);
    expect_near(a.cache_efficiency_tokens, 0.3736);
    EXPECT_EQ(a.largest_burst, 28);
  }
}

TEST(Synthesize, ToolagentHasItsFourFiguresWithAnySeed) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Analysis a = analyze(made("toolagent", seed * 977));
    EXPECT_EQ(a.requests, 23'608);
    expect_near(to_s(a.duration), 3600);
    expect_near(a.input.mean, 8596);
    expect_near(a.output.mean, 182);
    expect_near(a.cache_efficiency_blocks, 0.59);
  }
}

TEST(Synthesize, FewerAndMoreRequestsComeAtTheSameRateWithTheSameSharing) {
  for (const std::uint32_t requests : {500U, 3'000U, 50'000U}) {
    const Analysis a = analyze(made("conversation", 1, requests));
    EXPECT_EQ(a.requests, requests);
    expect_near(a.rate_per_s, 3.401, 0.05);
    expect_near(a.input.mean, 12'035.1, 0.05);
    expect_near(a.output.mean, 342.6, 0.05);
    expect_near(a.cache_efficiency_blocks, 0.3664, 0.05);
    expect_near(static_cast<double>(a.reused_blocks) / requests, 44'144.0 / 12'031, 0.05);
  }
  for (const std::uint32_t requests : {1U, 2U, 3U, 10U, 37U}) {
    EXPECT_EQ(made("conversation", 1, requests).size(), requests);
    EXPECT_EQ(made("toolagent", 1, requests).size(), requests);
  }
}

TEST(Synthesize, SpeedDividesTheTimesOnly) {
  const Trace slow = made("conversation", 5, 300);
  const Trace fast = made("conversation", 5, 300, 4);
  for (std::uint32_t i = 0; i < 300; ++i) {
    EXPECT_NEAR(to_ms(fast.request({i}).at - Time{}), to_ms(slow.request({i}).at - Time{}) / 4, 1e-6);
    EXPECT_EQ(fast.request({i}).input, slow.request({i}).input);
  }
}

TEST(Synthesize, TheSameSeedGivesTheSameBytesOnEveryMachine) {
  const std::string text = to_jsonl(made("conversation", 7, 2000));
  EXPECT_EQ(text, to_jsonl(made("conversation", 7, 2000)));
  EXPECT_NE(text, to_jsonl(made("conversation", 8, 2000)));
  EXPECT_EQ(hash_bytes(text), 15122111318513605233U);
  EXPECT_EQ(hash_bytes(to_jsonl(made("toolagent", 7, 2000))), 2400095624589067651U);
}

TEST(Synthesize, MarksItsTracesForGood) {
  const Trace trace = made("toolagent", 0, 50);
  EXPECT_EQ(trace.stand_in(), "toolagent");
  const ReadTrace again = read_text(to_jsonl(trace));
  EXPECT_EQ(again.trace.stand_in(), "toolagent");
  EXPECT_THAT(again.notes, ::testing::IsEmpty());
  EXPECT_EQ(read_text(to_jsonl(again.trace)).trace.stand_in(), "toolagent");
}

// What a simulation feels of a trace besides the figures above.
TEST(Synthesize, LooksLikeConversations) {
  const Trace trace = made("conversation", 3);
  std::map<BlockNumber, BlockNumber> before;  // of each block but 0: the one before it
  std::map<BlockNumber, std::int64_t> last_used;
  std::vector<std::int64_t> distances_s;
  std::int64_t ticks = 0;
  BlockNumber next_new = 0;
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    const Request request = trace.request({i});
    if (i == 0 || request.at > trace.request({i - 1}).at) ++ticks;
    ASSERT_EQ(request.blocks[0], 0U);
    for (std::size_t k = 0; k < request.blocks.size(); ++k) {
      const BlockNumber block = request.blocks[k];
      ASSERT_LE(block, next_new);  // numbered as they first occur
      if (block == next_new) ++next_new;
      if (k == 0) continue;
      const auto [place, is_new] = before.emplace(block, request.blocks[k - 1]);
      ASSERT_EQ(place->second, request.blocks[k - 1]);  // a tree: a block always follows the same one
      if (!is_new) distances_s.push_back((request.at.ns - last_used[block]) / 1'000'000'000);
      last_used[block] = request.at.ns;
    }
  }
  EXPECT_EQ(ticks, 1180);
  std::ranges::sort(distances_s);
  const auto percentile = [&](std::size_t percent) {
    return static_cast<double>(distances_s[distances_s.size() * percent / 100]);
  };
  expect_near(percentile(25), 72, 0.3);  // of the published trace, in seconds
  expect_near(percentile(50), 135, 0.3);
  expect_near(percentile(75), 291, 0.3);
  expect_near(percentile(90), 531, 0.3);
}

TEST(Synthesize, RefusesWhatItCannotMake) {
  const auto refused = synthesize({.like = "conversatoin", .requests = 0, .seed = 0, .speed = -1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(format_errors(refused.error()),
            "expected conversation or toolagent, found 'conversatoin': did you mean 'conversation'?\n"
            "expected 1 to 10000000 requests, found 0\n"
            "expected a speed above 0, found -1\n");
}

TEST(LengthPool, GivesTheNearestThatIsLeft) {
  LengthPool pool({10, 20, 20, 30, 100});
  EXPECT_EQ(pool.take_nearest(22), 20);
  EXPECT_EQ(pool.take_nearest(22), 20);
  EXPECT_EQ(pool.take_nearest(22), 30);
  EXPECT_EQ(pool.take_nearest(22), 10);
  EXPECT_THAT(pool.rest(), ElementsAre(100));
  EXPECT_EQ(pool.take_nearest(-5), 100);
  EXPECT_THAT(pool.rest(), ElementsAre());
}

}  // namespace
}  // namespace infbench::trace
