#include "live/replay_inputs.h"

#include <gtest/gtest.h>

namespace infbench::live {
namespace {

TEST(ReplayInputs, Targets) {
  struct Case {
    const char* url;
    const char* host;
    int port;
    const char* path;
  };
  for (const Case& one : {Case{"http://a.b:8101", "a.b", 8101, ""}, Case{"a.b", "a.b", 8000, ""},
                          Case{"http://a/", "a", 80, ""}, Case{"http://a:1/x/v1/", "a", 1, "/x"},
                          Case{"http://[::1]:9", "::1", 9, ""}, Case{"localhost:7", "localhost", 7, ""}}) {
    const auto target = parse_target(one.url);
    ASSERT_TRUE(target.has_value()) << one.url;
    EXPECT_EQ(target->host, one.host);
    EXPECT_EQ(target->port, one.port);
    EXPECT_EQ(target->path, one.path);
  }
  for (const char* wrong : {"", "https://a", "ftp://a", "http://", "a:0", "a:70000", "a:b", "http://[::1"}) {
    EXPECT_FALSE(parse_target(wrong).has_value()) << wrong;
  }
}

TEST(ReplayInputs, Goodput) {
  const auto both = parse_goodput("time_to_first_token:2000 inter_token_latency:25.5");
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->ttft, milliseconds(2000));
  EXPECT_EQ(both->itl, microseconds(25500));
  EXPECT_EQ(parse_goodput("inter_token_latency:25")->ttft, kNoLimit);
  for (const char* wrong : {"", "ttft:1", "time_to_first_token", "time_to_first_token:0", "time_to_first_token:x"}) {
    EXPECT_FALSE(parse_goodput(wrong).has_value()) << wrong;
  }
  EXPECT_EQ(parse_goodput("a:1 b:2").error().size(), 2U);
}

TEST(ReplayInputs, ExtraInputsHeadersSynthetic) {
  const std::vector<std::string> inputs = {"ignore_eos:true", "stop:a:b", R"({"x": [1, 2], "ignore_eos": false})", "t:0.5"};
  const auto extra = parse_extra_inputs(inputs);
  ASSERT_TRUE(extra.has_value());
  ASSERT_EQ(extra->size(), 4U);
  EXPECT_EQ((*extra)[0].json, "false");  // the later one holds
  EXPECT_EQ((*extra)[1].json, "\"a:b\"");
  EXPECT_EQ((*extra)[2].json, "[1,2]");
  EXPECT_EQ((*extra)[3].json, "0.5");
  EXPECT_FALSE(parse_extra_inputs(std::vector<std::string>{"x"}).has_value());
  EXPECT_FALSE(parse_extra_inputs(std::vector<std::string>{"{x}"}).has_value());
  EXPECT_EQ(parse_headers(std::vector<std::string>{"A: b:c"})->front().second, "b:c");
  EXPECT_EQ(parse_headers(std::vector<std::string>{"x~y|!: 1"})->front().first, "x~y|!");
  EXPECT_FALSE(parse_headers(std::vector<std::string>{"A b"}).has_value());
  EXPECT_FALSE(parse_headers(std::vector<std::string>{"A:b\r\nC:d"}).has_value());
  std::optional<Tokens> isl;
  std::optional<Tokens> osl;
  EXPECT_TRUE(parse_synthetic("osl=3,isl=70", isl, osl).has_value());
  EXPECT_EQ(isl, 70);
  EXPECT_EQ(osl, 3);
  for (const char* wrong : {"isl=0", "isl", "input=3", "isl=3x"})
    EXPECT_FALSE(parse_synthetic(wrong, isl, osl).has_value()) << wrong;
}

}  // namespace
}  // namespace infbench::live
