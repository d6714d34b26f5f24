#include "live/replay_chunk.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>

#include "base/json_writer.h"

namespace infbench::live {
namespace {

std::string chunk_of(std::string_view text, std::string_view before = "{", std::string_view finish = "null") {
  std::string json = std::string(before) + R"("choices":[{"index":0,"delta":{"content":)";
  append_json(json, text);
  return json + R"(,"tool_calls":null},"finish_reason":)" + std::string(finish) + "}]}";
}

std::string escaped(std::string_view text) {
  std::string json;
  append_json(json, text);
  return json.substr(1, json.size() - 2);
}

// What the short way says is what the general parser says, whatever the text, also for texts that look like JSON.
RC_GTEST_PROP(StreamReader, TheShortWayAgreesWithTheParser, ()) {
  JsonParser parser;
  StreamReader stream(parser);
  const auto piece = rc::gen::element<std::string>("\"", "\\", "\",\"", "},\"finish_reason\":\"stop\"}]}", "a", " ", "\n",
                                                   "\xc3\xa9", "{", "\\\"", "\"tool_calls\":null}");
  const auto texts =
      *rc::gen::container<std::vector<std::vector<std::string>>>(rc::gen::container<std::vector<std::string>>(piece));
  for (const auto& pieces : texts) {
    std::string text;
    for (const std::string& one : pieces) text += one;
    const bool finished = *rc::gen::weightedElement<bool>({{1, true}, {4, false}});
    const std::string data = chunk_of(text, "{", finished ? "\"stop\"" : "null");
    ServerError error;
    const Chunk exact = parser.read(data, error);
    const Chunk quick = stream.read(data);
    RC_ASSERT(quick.kind == exact.kind);
    RC_ASSERT(quick.finished == exact.finished);
    RC_ASSERT(quick.text == exact.text);
    RC_ASSERT(exact.kind == (text.empty() ? Chunk::Kind::nothing : Chunk::Kind::text));
    RC_ASSERT(exact.text == escaped(text));
  }
}

TEST(JsonParser, KnowsTheFormsOfServers) {
  using Kind = Chunk::Kind;
  struct Case {
    const char* json;
    Kind kind;
    bool finished;
    bool usage;
  };
  const std::vector<Case> cases = {
      {R"({"id":"x","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null})",
       Kind::nothing, false, false},
      {R"({"choices":[{"index":0,"delta":{"content":null,"reasoning_content":" hm"},"finish_reason":null}],"usage":null})",
       Kind::text, false, false},
      {R"({"choices":[{"delta":{"reasoning":"hm"}}]})", Kind::text, false, false},
      {R"({"choices":[{"delta":{"content":null,"tool_calls":[{"index":0,"id":"1","function":{"name":"f","arguments":""}}]}}]})",
       Kind::text, false, false},
      {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]},"finish_reason":null}]})",
       Kind::text, false, false},
      {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":null}]},"finish_reason":"tool_calls"}]})", Kind::nothing,
       true, false},
      {R"({"choices":[{"index":0,"text":" a","finish_reason":"length"}]})", Kind::text, true, false},
      {R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":1,"completion_tokens":1}})",
       Kind::text, false, true},
      {R"({"choices":[],"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":2,"prompt_tokens_details":null}})",
       Kind::nothing, false, true},
      {R"({"error":null,"choices":[]})", Kind::nothing, false, false},
      {R"({"error":{"object":"error","message":"m","type":"BadRequest","code":400}})", Kind::error, false, false},
      {R"([1])", Kind::broken, false, false},
      {R"({"choices":)", Kind::broken, false, false},
      {R"(nonsense)", Kind::broken, false, false},
      {"", Kind::broken, false, false},
  };
  JsonParser parser;
  for (const Case& one : cases) {
    ServerError error;
    const Chunk chunk = parser.read(one.json, error);
    EXPECT_EQ(chunk.kind, one.kind) << one.json;
    EXPECT_EQ(chunk.finished, one.finished) << one.json;
    EXPECT_EQ(chunk.has_usage, one.usage) << one.json;
  }
}

TEST(JsonParser, ACountThatNoAnswerCanHaveIsNone) {
  JsonParser parser;
  ServerError error;
  const Chunk chunk = parser.read(R"({"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":-5,"total_tokens":9,)"
                                  R"("prompt_tokens_details":{"cached_tokens":2147483648}}})",
                                  error);
  EXPECT_EQ(chunk.usage.prompt, -1);
  EXPECT_EQ(chunk.usage.completion, -1);
  EXPECT_EQ(chunk.usage.total, 9);
  EXPECT_EQ(chunk.usage.cached, -1);
}

TEST(JsonParser, CachedTokensThatAreNoCountAreNoFault) {
  JsonParser parser;
  for (const std::string_view cached : {"12.0", "null", "\"12\"", "9223372036854775808"}) {
    ServerError error;
    const Chunk chunk = parser.read(
        fmt::format(R"({{"usage":{{"prompt_tokens":5,"prompt_tokens_details":{{"cached_tokens":{}}}}}}})", cached), error);
    EXPECT_NE(chunk.kind, Chunk::Kind::broken) << cached;
    EXPECT_EQ(chunk.usage.prompt, 5) << cached;
    EXPECT_EQ(chunk.usage.cached, -1) << cached;
  }
}

TEST(JsonParser, ErrorBodies) {
  JsonParser parser;
  EXPECT_EQ(parser.read_error_body(R"({"error":{"message":"too long","code":400}})").message, "too long");
  EXPECT_EQ(parser.read_error_body("<html>\n502").message, "<html> 502");
  EXPECT_EQ(parser.read_error_body("").message, "");
  EXPECT_LT(parser.read_error_body(std::string(5000, 'x')).message.size(), 500U);
}

}  // namespace
}  // namespace infbench::live
