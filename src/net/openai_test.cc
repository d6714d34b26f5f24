#include "net/openai.h"

#include <gtest/gtest.h>
#include <simdjson.h>

namespace infbench::net {
namespace {

InferenceRequest read(Api api, std::string body) {
  RequestReader reader;
  auto request = reader.read(api, body);
  EXPECT_TRUE(request.has_value()) << body << ": " << request.error().message;
  return request ? *std::move(request) : InferenceRequest{};
}

// The field that is refused.
std::string refused(Api api, std::string body) {
  RequestReader reader;
  const auto request = reader.read(api, body);
  EXPECT_FALSE(request.has_value()) << body;
  return request ? "" : request.error().param;
}

bool is_json(const std::string& text) {
  simdjson::dom::parser parser;
  return parser.parse(text).error() == simdjson::SUCCESS;
}

TEST(OpenAi, ReadsAChat) {
  const InferenceRequest r = read(
      Api::chat, R"({"model":"m","messages":[{"role":"system","content":"be \"kind\""},{"role":"user","content":[)"
                 R"({"type":"text","text":" one"},{"type":"text","text":"two"}]}],"stream":true,"seed":18446744073709551615,)"
                 R"("max_tokens":5,"max_completion_tokens":7,"min_tokens":2,"ignore_eos":true,)"
                 R"("stream_options":{"include_usage":true}})");
  EXPECT_EQ(r.model, "m");
  EXPECT_EQ(r.text, "be \"kind\" one two");
  EXPECT_TRUE(r.stream && r.include_usage && r.ignore_eos);
  EXPECT_EQ(r.max_tokens, 7);
  EXPECT_EQ(r.min_tokens, 2);
  EXPECT_EQ(r.seed, -1);
  EXPECT_FALSE(r.bootstrap.has_value());
}

TEST(OpenAi, ReadsPromptsOfEachKind) {
  struct Case {
    const char* prompt;
    std::string text;
    std::vector<std::uint32_t> ids;
  };
  for (const Case& c : {Case{R"("abc")", "abc", {}}, Case{R"(["abc"])", "abc", {}},
                        Case{"[1,2,4294967295]", "", {1, 2, 4294967295U}}, Case{"[[7,8]]", "", {7, 8}}}) {
    const InferenceRequest r = read(Api::completions, std::string(R"({"prompt":)") + c.prompt + "}");
    EXPECT_EQ(r.text, c.text);
    EXPECT_EQ(r.token_ids, c.ids);
  }
  for (const char* prompt :
       {"7", "[]", "[[]]", R"(["a","b"])", "[[1],[2]]", R"([1,"a"])", "[4294967296]", "[1.5]", "{}", R"("")", "true"}) {
    EXPECT_EQ(refused(Api::completions, std::string(R"({"prompt":)") + prompt + "}"), "prompt") << prompt;
  }
}

TEST(OpenAi, ReadsGenerate) {
  const InferenceRequest r = read(
      Api::generate, R"({"text":"abc","rid":"x","sampling_params":{"max_new_tokens":9,"min_new_tokens":3,"ignore_eos":true,)"
                     R"("stop":null,"n":1,"temperature":0}})");
  EXPECT_EQ(r.text, "abc");
  EXPECT_EQ(r.rid, "x");
  EXPECT_EQ(r.max_tokens, 9);
  EXPECT_EQ(r.min_tokens, 3);
  EXPECT_TRUE(r.ignore_eos);
  EXPECT_EQ(read(Api::generate, R"({"input_ids":[[1,2]]})").token_ids.size(), 2U);
  EXPECT_EQ(refused(Api::generate, R"({"text":"a","sampling_params":{"n":2}})"), "n");
  EXPECT_EQ(refused(Api::generate, R"({"text":"a","return_logprob":true})"), "return_logprob");
  EXPECT_EQ(refused(Api::generate, R"({"prompt":"a"})"), "text");
}

TEST(OpenAi, ReadsWhereTheOtherHalfIs) {
  for (const char* wrap : {"%", "[%]"}) {  // routers send arrays for arrays
    const auto with = [&](const std::string& value) {
      const std::string text = wrap;
      return text.size() == 1 ? value : "[" + value + "]";
    };
    const InferenceRequest r =
        read(Api::generate, R"({"text":"a","bootstrap_host":)" + with(R"("h")") + R"(,"bootstrap_port":)" + with("7200") +
                                R"(,"bootstrap_room":)" + with("9223372036854775807") + "}");
    ASSERT_TRUE(r.bootstrap.has_value());
    EXPECT_EQ(r.bootstrap->host, "h");
    EXPECT_EQ(r.bootstrap->port, 7200);
    EXPECT_EQ(r.bootstrap->room, 9223372036854775807ULL);
  }
  const auto no_port = read(
      Api::chat, R"({"messages":[{"role":"u","content":"a"}],"bootstrap_host":"h","bootstrap_port":null,"bootstrap_room":1})");
  EXPECT_FALSE(no_port.bootstrap->port.has_value());
  EXPECT_EQ(refused(Api::generate, R"({"text":"a","bootstrap_room":"x"})"), "bootstrap_room");
  EXPECT_EQ(refused(Api::generate, R"({"text":"a","bootstrap_room":[1,2]})"), "bootstrap_room");
}

TEST(OpenAi, SurvivesWhatIsNoJson) {
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("nul"), std::string("{\"prompt\":\"\xFF\"}"), std::string(100'000, '['),
        std::string("{\"prompt\":\"a\"} x"), std::string("{\"prompt\":\"a\",}"), std::string("\0", 1)}) {
    EXPECT_EQ(refused(Api::completions, body), "") << body.substr(0, 40);
  }
}

TEST(OpenAi, OneReaderReadsManyBodies) {
  RequestReader reader;
  for (std::size_t size : {10U, 100'000U, 3U, 1'000'000U}) {
    std::string body = R"({"prompt":")" + std::string(size, 'a') + R"("})";
    const auto request = reader.read(Api::completions, body);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->text.size(), size);
  }
}

TEST(OpenAi, ErrorsAreObjects) {
  EXPECT_EQ(error_json({.status = 404, .message = "no \"x\"", .param = "model"}),
            R"({"error":{"message":"no \"x\"","type":"NotFoundError","param":"model","code":404}})");
  EXPECT_EQ(error_json({.status = 400, .message = "m", .param = {}}),
            R"({"error":{"message":"m","type":"BadRequestError","param":null,"code":400}})");
}

TEST(OpenAi, EverythingWrittenIsJson) {
  for (const Api api : {Api::chat, Api::completions}) {
    const AnswerWriter writer(api, "id", "a \"model\"", 1);
    EXPECT_TRUE(is_json(std::string(writer.before_token()) + "x\\n" + std::string(writer.after_token())));
    EXPECT_TRUE(is_json(writer.last_event("y", "length")));
    EXPECT_TRUE(is_json(writer.usage_event({.prompt = 1, .completion = 2, .cached = 0})));
    EXPECT_TRUE(is_json(writer.whole("a\nb\"c", {}, "stop")));
    EXPECT_EQ(writer.first_event().empty(), api == Api::completions);
  }
  const AnswerWriter writer(Api::generate, "id", "m", 1);
  EXPECT_TRUE(is_json(writer.whole("t\"", {.prompt = 1, .completion = 2, .cached = 0}, "length")));
  EXPECT_TRUE(is_json(writer.whole("t", {}, "")));
}

TEST(OpenAi, JoinedMessagesKeepTheirWords) {
  std::string prompt;
  join_message(prompt, "one two");
  join_message(prompt, " three");
  join_message(prompt, "");
  join_message(prompt, "four");
  EXPECT_EQ(prompt, "one two three four");
}

}  // namespace
}  // namespace infbench::net
