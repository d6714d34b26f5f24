#include "trace/pages.h"

#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trace/trace_for_test.h"

namespace infbench::trace {
namespace {

std::vector<PageHash> pages(const Trace& trace, std::uint32_t index, Tokens page_tokens) {
  std::vector<PageHash> out{{42}};  // is emptied first
  pages_of(trace, {index}, page_tokens, out);
  return out;
}

// How many leading elements are equal.
template <typename T>
std::size_t shared(const std::vector<T>& a, const std::vector<T>& b) {
  std::size_t i = 0;
  while (i < std::min(a.size(), b.size()) && a[i] == b[i]) ++i;
  return i;
}

// A token by what it is, one by one: the definition that pages_of must agree with.
using Token = std::tuple<bool, std::uint64_t, Tokens>;  // whether of an answer, block or row, place
std::vector<Token> tokens_of(const Trace& trace, std::uint32_t index) {
  const Request request = trace.request({index});
  std::vector<Token> tokens;
  if (request.previous) tokens = tokens_of(trace, request.previous->value);
  for (Tokens i = 0; i < request.new_input; ++i) {
    tokens.emplace_back(false, trace.block_id(request.blocks[static_cast<std::size_t>(i / kBlockTokens)]), i % kBlockTokens);
  }
  for (Tokens i = 0; i < request.output; ++i) tokens.emplace_back(true, index, i);
  return tokens;
}

TEST(Pages, OfPromptAndAnswerOnlyFullOnes) {
  const ReadTrace read = read_text(row(0, 700, 100, {1, 2}));
  EXPECT_EQ(pages(read.trace, 0, 64).size(), 12U);
  EXPECT_EQ(pages(read.trace, 0, 16).size(), 50U);
  EXPECT_EQ(pages(read.trace, 0, 512).size(), 1U);
  EXPECT_EQ(pages(read.trace, 0, 801).size(), 0U);
}

TEST(Pages, AreSharedAsFarAsTheBlocksAre) {
  const ReadTrace read = read_text(row(0, 1500, 100, {1, 2, 3}) + row(0, 1500, 100, {1, 2, 4}) + row(0, 1100, 100, {1, 2, 3}) +
                                   row(0, 1500, 100, {2, 1, 3}) + row(0, 1500, 100, {1, 2, 3}));
  const auto with_first = [&](std::uint32_t other, Tokens page) {
    return shared(pages(read.trace, 0, page), pages(read.trace, other, page));
  };
  EXPECT_EQ(with_first(1, 64), 16U);
  EXPECT_EQ(with_first(2, 64), 17U);  // 1100 / 64: then its own answer
  EXPECT_EQ(with_first(3, 64), 0U);
  EXPECT_EQ(with_first(4, 64), 23U);  // 1500 / 64: answers are never shared
  EXPECT_EQ(with_first(1, 1000), 1U);
  EXPECT_EQ(with_first(1, 1025), 0U);
}

TEST(Pages, ANextTurnRepeatsPromptAndAnswer) {
  const ReadTrace read = read_text(row(0, 700, 100, {1, 2}, R"(, "session_id": 1)") +
                                   row(1, 300, 50, {3}, R"(, "session_id": 1)") + row(2, 700, 100, {1, 2}));
  const auto first = pages(read.trace, 0, 16);
  const auto second = pages(read.trace, 1, 16);
  EXPECT_EQ(first.size(), 800U / 16);
  EXPECT_EQ(second.size(), 1150U / 16);
  EXPECT_EQ(shared(first, second), 50U);
  EXPECT_EQ(shared(second, pages(read.trace, 2, 16)), 700U / 16);
}

// Hashes name pages in output files, so they must not depend on machine or build.
TEST(Pages, HaveTheseHashes) {
  const ReadTrace read = read_text(row(0, 600, 100, {0, 1}));
  EXPECT_THAT(pages(read.trace, 0, 300), ::testing::ElementsAre(PageHash{0xb2aa840c4f2e920b}, PageHash{0x84d438788cab0b1b}));
}

RC_GTEST_PROP(Pages, AreSharedExactlyAsFarAsTheTokensAreEqual, ()) {
  std::string text;
  const auto rows = *rc::gen::inRange<std::uint32_t>(2, 8);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const auto input = *rc::gen::inRange<Tokens>(1, 1600);
    const auto ids = *rc::gen::container<std::vector<std::uint64_t>>(static_cast<std::size_t>(blocks_of(input)),
                                                                     rc::gen::inRange<std::uint64_t>(0, 2));
    const int session = *rc::gen::inRange(0, 5);
    text +=
        row(i, input, *rc::gen::inRange<Tokens>(1, 200), ids, session < 2 ? fmt::format(", \"session_id\": {}", session) : "");
  }
  const ReadTrace read = read_text(text);
  const auto page = *rc::gen::element<Tokens>(1, 16, 64, 100, 512, 700);
  for (std::uint32_t a = 0; a < rows; ++a) {
    for (std::uint32_t b = a; b < rows; ++b) {
      const auto equal_tokens = shared(tokens_of(read.trace, a), tokens_of(read.trace, b));
      RC_ASSERT(shared(pages(read.trace, a, page), pages(read.trace, b, page)) ==
                equal_tokens / static_cast<std::size_t>(page));
    }
  }
}

// The second prompt repeats two blocks of the first and ends within the third; the third is the first's prompt again.
TEST(Pages, AnInfiniteCacheHitsWhatCameBefore) {
  const ReadTrace read = read_text(row(0, 1500, 100, {1, 2, 3}) + row(0, 1500, 100, {1, 2, 4}) + row(0, 1500, 100, {1, 2, 3}) +
                                   row(0, 30, 1, {9}));
  EXPECT_THAT(infinite_cache_hits(read.trace, 64), ::testing::ElementsAre(0, 1024, 1472, 0));
  EXPECT_THAT(infinite_cache_hits(read.trace, 512), ::testing::ElementsAre(0, 1024, 1024, 0));
}

}  // namespace
}  // namespace infbench::trace
