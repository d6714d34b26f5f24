#include "net/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace infbench::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The data of all events, copied; cut after each `step` bytes.
std::vector<std::string> split(std::string_view stream, std::size_t step) {
  SseSplitter splitter;
  std::vector<std::string> all;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    std::vector<std::string_view> events;
    EXPECT_TRUE(splitter.feed(stream.substr(at, step), events));
    all.insert(all.end(), events.begin(), events.end());
  }
  return all;
}

struct Case {
  const char* stream;
  std::vector<std::string> events;
};

TEST(SseSplitter, FollowsTheRulesHoweverTheStreamIsCut) {
  const std::vector<Case> cases{
      {"data: {\"a\":1}\n\ndata: [DONE]\n\n", {"{\"a\":1}", "[DONE]"}},
      {"data: x\r\n\r\ndata: y\r\n\r\n", {"x", "y"}},
      {"data: x\r\rdata: y\r\r.", {"x", "y"}},
      {"data:no space\n\n", {"no space"}},
      {"data:  two spaces\n\n", {" two spaces"}},
      {": comment\n\nevent: ping\ndata: x\nid: 7\n\n", {"x"}},
      {"data: a\ndata: b\n\ndata: c\ndata\ndata: d\n\n", {"a\nb", "c\n\nd"}},
      {"data\n\n", {""}},
      {"database: no\n\ndata: yes\n\n", {"yes"}},
      {"\n\n\ndata: x\n\n", {"x"}},
      {"data: never ended\n", {}},
  };
  for (const Case& c : cases) {
    for (std::size_t step = 1; step <= 40; ++step) {
      SCOPED_TRACE(std::string(c.stream) + " cut each " + std::to_string(step));
      EXPECT_EQ(split(c.stream, step), c.events);
    }
  }
}

TEST(SseSplitter, KnowsThatAStreamWasCut) {
  SseSplitter splitter;
  std::vector<std::string_view> events;
  splitter.feed("data: x\n\ndata: y", events);
  EXPECT_THAT(events, ElementsAre("x"));
  EXPECT_EQ(splitter.unfinished(), 7U);
}

TEST(SseSplitter, RefusesAnEventWithoutEnd) {
  SseSplitter splitter;
  std::vector<std::string_view> events;
  const std::string much(SseSplitter::kLongestEvent / 2 + 10, 'x');
  EXPECT_TRUE(splitter.feed(much, events));
  EXPECT_FALSE(splitter.feed(much, events));
  EXPECT_THAT(events, IsEmpty());
}

RC_GTEST_PROP(SseSplitter, CutsChangeNothing, (const std::string& text, std::size_t step)) {
  std::string stream;
  for (const char c : text) stream += c % 5 == 0 ? "\n" : c % 5 == 1 ? "data: " : c % 5 == 2 ? "\r\n" : std::string(1, c);
  RC_ASSERT(split(stream, 1 + step % 7) == split(stream, std::max<std::size_t>(stream.size(), 1)));
}

}  // namespace
}  // namespace infbench::net
