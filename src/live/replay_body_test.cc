#include "live/replay_body.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "trace/read.h"
#include "trace/synthesize.h"

namespace infbench::live {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const net::WordList& words() {
  static const net::WordList list = net::WordList::built_in("data").value();
  return list;
}

trace::Trace trace_of(const std::string& rows) { return trace::read_trace_text(rows, "rows").value().trace; }

const Target kTarget{.host = "10.0.0.1", .port = 8101, .path = "/up", .url = "http://10.0.0.1:8101/up"};

struct Written {
  std::string head;
  std::string body;
};
Written written(RequestWriter& writer, std::uint32_t request, std::span<const RequestWriter::EarlierTurn> earlier = {}) {
  std::string all;
  for (const std::string_view part : writer.write({request}, kTarget, earlier)) all += part;
  const std::size_t end = all.find("\r\n\r\n") + 4;
  EXPECT_THAT(all.substr(0, end), HasSubstr("Content-Length: " + std::to_string(all.size() - end) + "\r\n"));
  return {.head = all.substr(0, end), .body = all.substr(end)};
}

constexpr const char* kRows =
    R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [7, 8], "session_id": "a"})"
    "\n"
    R"({"timestamp": 1, "input_length": 1024, "output_length": 77, "hash_ids": [7, 9], "session_id": "a"})"
    "\n";

TEST(RequestWriter, AChatBody) {
  const trace::Trace trace = trace_of(kRows);
  BlockTexts blocks(words(), 42, BlockTexts::Form::words, 1U << 20U);
  RequestOptions options{.model = "Qwen/\"3\"", .extra = {{"temperature", "0"}}, .headers = {{"Authorization", "Bearer x"}}};
  RequestWriter writer(options, blocks, trace);
  const Written one = written(writer, 0);
  EXPECT_THAT(one.head, StartsWith("POST /up/v1/chat/completions HTTP/1.1\r\nHost: 10.0.0.1:8101\r\n"));
  for (const char* line : {"Accept: text/event-stream\r\n", "Content-Type: application/json\r\n", "Authorization: Bearer x\r\n",
                           "X-Correlation-ID: fixed-schedule-session_000000\r\n", "X-Request-ID: "}) {
    EXPECT_THAT(one.head, HasSubstr(line));
  }
  simdjson::dom::parser parser;
  const simdjson::dom::object body = parser.parse(one.body).get_object();
  std::vector<std::string> keys;
  for (const auto& field : body) keys.emplace_back(field.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"messages", "model", "stream", "max_completion_tokens", "ignore_eos", "temperature",
                                            "stream_options"}));
  EXPECT_EQ(std::string_view(body["model"]), "Qwen/\"3\"");
  EXPECT_EQ(std::int64_t(body["max_completion_tokens"]), 5);
  EXPECT_EQ(net::count_tokens(words(), body["messages"].at(0)["content"]), 600);
}

TEST(RequestWriter, LaterTurnsCarryTheHistory) {
  const trace::Trace trace = trace_of(kRows);
  BlockTexts blocks(words(), 42, BlockTexts::Form::words, 1U << 20U);
  const RequestOptions options{.model = "m"};
  RequestWriter writer(options, blocks, trace);
  const std::vector<RequestWriter::EarlierTurn> earlier = {{.request = {0}, .answer = " an \\\"answer\\\""}};
  simdjson::dom::parser parser;
  const std::string body = written(writer, 1, earlier).body;
  const simdjson::dom::array messages = parser.parse(body)["messages"].get_array();
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(std::string_view(messages.at(0)["role"]), "user");
  EXPECT_EQ(net::count_tokens(words(), messages.at(0)["content"]), 600);
  EXPECT_EQ(std::string_view(messages.at(1)["role"]), "assistant");
  EXPECT_EQ(std::string_view(messages.at(1)["content"]), " an \"answer\"");
  EXPECT_EQ(net::count_tokens(words(), messages.at(2)["content"]), 1024);
}

TEST(RequestWriter, TheFormsOfABody) {
  const trace::Trace trace = trace_of(kRows);
  struct Case {
    RequestOptions options;
    const char* has;
    const char* has_not;
  };
  const std::vector<Case> cases = {
      {{.endpoint = Endpoint::completions, .model = "m"},
       R"(","model":"m","stream":true,"max_tokens":5,"ignore_eos":true)",
       "messages"},
      {{.model = "m", .legacy_max_tokens = true}, R"("max_tokens":5)", "max_completion_tokens"},
      {{.model = "m", .ask_output = false, .ignore_eos = false}, R"("stream":true,"stream_options")", "max_completion_tokens"},
      {{.model = "m", .streaming = false}, R"("stream":false)", "stream_options"},
      {{.model = "m", .extra = {{"ignore_eos", "false"}, {"max_completion_tokens", "9"}, {"stream_options", "null"}}},
       R"("ignore_eos":false,"max_completion_tokens":9,"stream_options":null})",
       "include_usage"},
  };
  for (const Case& one : cases) {
    BlockTexts blocks(words(), 42, BlockTexts::Form::words, 1U << 20U);
    RequestWriter writer(one.options, blocks, trace);
    const std::string body = written(writer, 0).body;
    simdjson::dom::parser parser;
    EXPECT_EQ(parser.parse(body).error(), simdjson::SUCCESS) << body.substr(body.size() - 200);
    EXPECT_THAT(body, HasSubstr(one.has));
    EXPECT_THAT(body, ::testing::Not(HasSubstr(one.has_not)));
  }
}

TEST(RequestWriter, TokenIds) {
  const trace::Trace trace = trace_of(kRows);
  BlockTexts blocks(words(), 42, BlockTexts::Form::token_ids, 1U << 20U);
  const RequestOptions options{.endpoint = Endpoint::completions, .model = "m", .token_ids = true};
  RequestWriter writer(options, blocks, trace);
  simdjson::dom::parser one;
  simdjson::dom::parser two;
  const std::string first = written(writer, 0).body;
  const std::string second = written(writer, 1).body;
  const simdjson::dom::array a = one.parse(first)["prompt"].get_array();
  const simdjson::dom::array b = two.parse(second)["prompt"].get_array();
  ASSERT_EQ(a.size(), 600U);
  ASSERT_EQ(b.size(), 1024U);
  EXPECT_EQ(std::int64_t(a.at(511)), std::int64_t(b.at(511)));
  EXPECT_NE(std::int64_t(a.at(512)), std::int64_t(b.at(512)));
}

// Of the real trace (or a stand-in): every prompt has exactly its length, and two share text exactly as far as they share
// blocks.
TEST(RequestWriter, PromptsHaveTheirLengthsWithinTheBoundOfMemory) {
  const std::string path = "../shared/traces/conversation_trace.jsonl";
  const trace::Trace trace = std::ifstream(path).good() ? trace::read_trace(path).value().trace
                                                        : trace::synthesize({.like = "conversation", .requests = 2000}).value();
  constexpr std::size_t kBound = std::size_t{4} << 20U;
  BlockTexts blocks(words(), 1, BlockTexts::Form::words, kBound);
  const RequestOptions options{.model = "m"};
  RequestWriter writer(options, blocks, trace);
  for (std::uint32_t i = 0; i < trace.size(); i += 151) {
    const std::string body = written(writer, i).body;
    const std::size_t begin = body.find("\"content\":\"") + 11;
    const std::string_view prompt = std::string_view(body).substr(begin, body.find("\"}]") - begin);
    ASSERT_EQ(net::count_tokens(words(), prompt), trace.request({i}).input) << "request " << i;
    blocks.trim();
    ASSERT_LE(blocks.bytes(), kBound);
  }
}

TEST(BlockTexts, ASeedIsAnotherTextAndAPartIsAPrefix) {
  BlockTexts one(words(), 1, BlockTexts::Form::words, 1U << 20U);
  BlockTexts two(words(), 2, BlockTexts::Form::words, 1U << 20U);
  EXPECT_NE(one.text(5, 512), two.text(5, 512));
  EXPECT_NE(one.text(5, 512), one.text(6, 512));
  EXPECT_TRUE(one.text(5, 512).starts_with(one.text(5, 100)));
}

}  // namespace
}  // namespace infbench::live
