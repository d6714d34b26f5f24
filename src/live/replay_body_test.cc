#include "live/replay_body.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "live/literal_tokens.h"
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

trace::Trace trace_of(const std::string& rows) {
  trace::ReadOptions options;
  options.count = [](trace::PromptKind kind, std::string_view json) { return count_literal(words(), kind, json); };
  return trace::read_trace_text(rows, "rows", options).value().trace;
}

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
      {{.model = "m", .extra = {{"ignore_eos", "false"}, {"max_completion_tokens", "9"}, {"stream_options", "{}"}}},
       R"("ignore_eos":false,"max_completion_tokens":9,"stream_options":{"include_usage":true}})",
       "ignore_eos\":true"},
      {{.model = "m", .extra = {{"stream_options", R"({"include_usage":false})"}}},
       R"("stream_options":{"include_usage":false}})",
       "include_usage\":true"},
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

struct LiteralCase {
  std::string row;  // behind the timestamp
  RequestOptions options;
  std::string body;
  RequestWriter::Expected expected;
};

std::vector<LiteralCase> literal_cases() {
  const RequestOptions chat{.model = "m", .extra = {{"temperature", "0"}, {"top_k", "4"}}};
  const std::string usage = R"(,"stream_options":{"include_usage":true}})";
  const std::string payload = R"({"model": "other", "messages": [{"role": "user", "content": "hi"}, {"role":"x"}], )";
  return {
      {R"("text_input": "a \"b\" \u00e9", "output_length": 3)",
       chat,
       R"({"messages":[{"role":"user","content":"a \"b\" \u00e9"}],"model":"m","stream":true,"max_completion_tokens":3,)"
       R"("ignore_eos":true,"temperature":0,"top_k":4)" +
           usage,
       {.streaming = true, .full_length = true, .output_asked = 3}},
      {R"("text_input": "a", "output_length": 3, "extra": {"max_completion_tokens": 2}, "k": 1)",
       {.model = "m", .streaming = false},
       R"({"messages":[{"role":"user","content":"a"}],"model":"m","stream":false,"ignore_eos":true,"max_completion_tokens":2})",
       {.streaming = false, .full_length = true, .output_asked = 2}},
      // Without a length none is asked for, nor that the answer go on to it.
      {R"("text_input": "a")",
       {.endpoint = Endpoint::completions, .model = "m", .streaming = false},
       R"({"prompt":"a","model":"m","stream":false})",
       {.streaming = false}},
      // A row's extra wins over the extra inputs, these over what we would write.
      {R"("text_input": "a", "output_length": 3, "extra": {"top_k": 5, "ignore_eos": false, "seed": {"a": [1]}})",
       chat,
       R"({"messages":[{"role":"user","content":"a"}],"model":"m","stream":true,"max_completion_tokens":3,"temperature":0,)"
       R"("top_k":5,"ignore_eos":false,"seed":{"a": [1]})" +
           usage,
       {.streaming = true, .full_length = false, .output_asked = 3}},
      {R"("text_input": "a", "extra": {"stream": false})",
       chat,
       R"({"messages":[{"role":"user","content":"a"}],"model":"m","temperature":0,"top_k":4,"stream":false})",
       {.streaming = false}},
      {R"("text_input": "a", "extra": {"stream_options": {"continuous_usage_stats": true}})",
       {.model = "m"},
       R"({"messages":[{"role":"user","content":"a"}],"model":"m","stream":true,)"
       R"("stream_options":{"continuous_usage_stats": true,"include_usage":true}})",
       {.streaming = true}},
      {R"("messages": [{"role": "system", "content": "s"}, {"role":"user","content":null}], "tools": [{"type":"function"}])",
       {.model = "m"},
       R"({"messages":[{"role": "system", "content": "s"}, {"role":"user","content":null}],"model":"m","stream":true,)"
       R"("tools":[{"type":"function"}])" +
           usage,
       {.streaming = true}},
      // A payload as it is, whatever else is said.
      {R"("payload": )" + payload + R"("max_tokens": 7, "ignore_eos": true}, "extra": {"top_k": 5})",
       chat,
       payload + R"("max_tokens": 7, "ignore_eos": true})",
       {.streaming = false, .full_length = true, .output_asked = 7}},
      {R"("payload": )" + payload + R"("stream": true, "max_tokens": 7}, "output_length": 6)",
       chat,
       payload + R"("stream": true, "max_tokens": 7})",
       {.streaming = true, .full_length = false, .output_asked = 6}},
  };
}

// The body of each row with its own prompt, as a whole.
TEST(RequestWriter, LiteralPrompts) {
  for (const LiteralCase& one : literal_cases()) {
    const trace::Trace trace = trace_of(R"({"timestamp": 0, )" + one.row + "}\n");
    BlockTexts blocks(words(), 42, BlockTexts::Form::words, 1U << 20U);
    RequestWriter writer(one.options, blocks, trace);
    writer.warm({0});
    const Written sent = written(writer, 0);
    EXPECT_EQ(sent.body, one.body);
    EXPECT_THAT(sent.head, HasSubstr(one.expected.streaming ? "Accept: text/event-stream" : "Accept: application/json"));
    const RequestWriter::Expected expected = writer.expected({0});
    EXPECT_EQ(expected.streaming, one.expected.streaming) << one.row;
    EXPECT_EQ(expected.full_length, one.expected.full_length) << one.row;
    EXPECT_EQ(expected.output_asked, one.expected.output_asked) << one.row;
  }
}

TEST(RequestWriter, ATextIsATurnAndMessagesAreAWholeConversation) {
  const trace::Trace trace =
      trace_of(R"({"timestamp": 0, "text_input": "one", "session_id": "a", "output_length": 1})"
               "\n"
               R"({"text_input": "two", "session_id": "a", "output_length": 1})"
               "\n"
               R"({"timestamp": 1, "messages": [{"role": "user", "content": "one"}], "session_id": "b"})"
               "\n"
               R"({"messages": [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], "session_id": "b"})"
               "\n");
  BlockTexts blocks(words(), 42, BlockTexts::Form::words, 1U << 20U);
  const RequestOptions options{.model = "m", .streaming = false, .ignore_eos = false};
  RequestWriter writer(options, blocks, trace);
  const std::vector<RequestWriter::EarlierTurn> earlier = {{.request = {0}, .answer = "ok"}};
  EXPECT_THAT(written(writer, 1, earlier).body,
              StartsWith(R"({"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"ok"},)"
                         R"({"role":"user","content":"two"}],"model")"));
  EXPECT_THAT(written(writer, 3).body,
              StartsWith(R"({"messages":[{"role": "user", "content": "one"}, {"role": "user", "content": "two"}],"model")"));
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
