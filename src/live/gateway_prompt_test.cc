// What the gateway reads of a body: the same prompt gives the same blocks however it is written, prefixes are shared, and what
// is not JSON is refused.
#include "live/gateway_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace infbench::live {
namespace {

using net::Api;

PromptInfo read(Api api, std::string body) {
  PromptReader reader;
  PromptInfo info;
  const std::string before = body;
  const auto done = reader.read(api, body, info);
  EXPECT_TRUE(done.has_value()) << body.substr(0, 200) << ": " << (done ? "" : done.error().message);
  EXPECT_EQ(body, before);
  return info;
}

std::string letters(std::size_t count, char first = 'a') {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += static_cast<char>(first + static_cast<char>(i * i % 23));
  return text;
}

std::string chat(const std::string& content) { return R"({"messages":[{"role":"user","content":)" + content + "}]}"; }
std::string completion(const std::string& prompt) { return R"({"prompt":)" + prompt + "}"; }
std::string in_quotes(const std::string& text) { return '"' + text + '"'; }

TEST(PromptReader, CountsWhatIsThere) {
  struct Case {
    Api api;
    std::string body;
    std::size_t pages;
    Tokens input;
    Tokens output_max;
    std::size_t prompts;
  };
  const std::string ids64 = [] {
    std::string ids;
    for (int i = 0; i < 64; ++i) ids += (i > 0 ? "," : "") + std::to_string(i * 3);
    return ids;
  }();
  const Case cases[] = {
      {Api::completions, "{}", 0, 1, 0, 1},
      {Api::completions, " \n{ } ", 0, 1, 0, 1},
      {Api::completions, completion("null"), 0, 1, 0, 1},
      {Api::completions, completion(in_quotes("")), 0, 1, 0, 1},
      {Api::completions, completion(in_quotes(letters(255))), 0, 64, 0, 1},
      {Api::completions, completion(in_quotes(letters(256))), 1, 64, 0, 1},
      {Api::completions, completion(in_quotes(letters(1000))), 3, 250, 0, 1},
      {Api::completions, R"({"max_tokens":7,"prompt":"abcd","max_completion_tokens":9})", 0, 1, 9, 1},
      {Api::completions, R"({"max_tokens":-1,"prompt":"abcd"})", 0, 1, 0, 1},
      {Api::completions, R"({"max_tokens":9223372036854775807,"prompt":"abcd"})", 0, 1, Tokens{1} << 30U, 1},
      {Api::completions, completion("[" + ids64 + "]"), 1, 64, 0, 1},
      {Api::completions, completion("[" + ids64 + "," + ids64 + ",5]"), 2, 129, 0, 1},
      {Api::completions, completion("[\"abc\"," + ids64 + "," + ids64 + "]"), 2, 128, 0, 1},
      {Api::completions, completion(R"(["ab","cd","ef"])"), 0, 2, 0, 3},
      {Api::completions, completion("[[" + ids64 + "],[" + ids64 + "]]"), 2, 128, 0, 2},
      {Api::chat, chat(in_quotes(letters(252))), 1, 64, 0, 1},  // and four letters of "user"
      {Api::chat, chat("null"), 0, 1, 0, 1},
      {Api::chat, chat(R"([{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"abcdefgh"}])"), 0, 3, 0, 1},
      {Api::generate, R"({"text":")" + letters(256) + R"(","sampling_params":{"max_new_tokens":5,"top_p":1}})", 1, 64, 5, 1},
      {Api::generate, R"({"input_ids":[)" + ids64 + "]}", 1, 64, 0, 1},
      {Api::generate, R"({"text":["a","b"]})", 0, 1, 0, 2},
      {Api::generate, R"({"sampling_params":null})", 0, 1, 0, 1},
  };
  for (const Case& each : cases) {
    const PromptInfo info = read(each.api, each.body);
    const std::string what = each.body.substr(0, 100);
    EXPECT_EQ(info.pages.size(), each.pages) << what;
    EXPECT_EQ(info.input, each.input) << what;
    EXPECT_EQ(info.output_max, each.output_max) << what;
    EXPECT_EQ(info.prompts, each.prompts) << what;
  }
}

TEST(PromptReader, FindsWhereMembersCanBePutIn) {
  for (const auto& [body, at, members] : std::vector<std::tuple<std::string, std::size_t, bool>>{
           {"{}", 1, false}, {" \r\n\t{  }", 5, false}, {R"({"a":1})", 1, true}, {R"(  { "a":1})", 3, true}}) {
    const PromptInfo info = read(Api::completions, body);
    EXPECT_EQ(info.members_at, at) << body;
    EXPECT_EQ(info.has_members, members) << body;
  }
}

TEST(PromptReader, TheSamePromptWrittenInOtherWaysIsTheSame) {
  const std::string text = letters(600);
  const PromptInfo plain = read(Api::completions, completion(in_quotes(text)));
  std::string escaped;
  for (const char c : text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(c);
    escaped += std::string("\\u00") + kHex[value >> 4U] + kHex[value & 15U];
  }
  EXPECT_EQ(read(Api::completions, completion(in_quotes(escaped))).pages, plain.pages);
  EXPECT_EQ(read(Api::completions, R"({"x":{"prompt":"no"}, "max_tokens":1, "prompt" : )" + in_quotes(text) + "}").pages,
            plain.pages);
  EXPECT_EQ(read(Api::generate, R"({"text":)" + in_quotes(text) + "}").pages, plain.pages);
  // A chat's text in parts, wherever they are split.
  const PromptInfo whole = read(Api::chat, chat(in_quotes(text)));
  for (const std::size_t split : {1U, 251U, 252U, 253U, 599U}) {
    const std::string parts = R"([{"type":"text","text":)" + in_quotes(text.substr(0, split)) + R"(},{"type":"text","text":)" +
                              in_quotes(text.substr(split)) + "}]";
    EXPECT_EQ(read(Api::chat, chat(parts)).pages, whole.pages) << split;
  }
}

TEST(PromptReader, EscapesOverTheEdgeOfABlockAreReadAsOne) {
  for (std::size_t before = 250; before <= 257; ++before) {
    const std::string text = letters(before);
    const PromptInfo escaped =
        read(Api::completions, completion(in_quotes(text + R"(\n\"\\\/\u00e9\ud83d\ude00)" + letters(300))));
    const PromptInfo direct =
        read(Api::completions, completion(in_quotes(text + "\\n\\\"\\\\/\xc3\xa9\xf0\x9f\x98\x80" + letters(300))));
    EXPECT_EQ(escaped.pages, direct.pages) << before;
    EXPECT_EQ(escaped.chars, before + 4 + 2 + 4 + 300);
  }
}

RC_GTEST_PROP(PromptReader, PromptsShareTheBlocksOfTheirCommonBeginning, ()) {
  const auto size = [] { return *rc::gen::inRange(std::size_t{0}, std::size_t{2000}); };
  const std::string common = letters(size());
  const std::string first = common + "1" + letters(size());
  const std::string second = common + "2" + letters(size());
  const PromptInfo a = read(Api::completions, completion(in_quotes(first)));
  const PromptInfo b = read(Api::completions, completion(in_quotes(second)));
  RC_ASSERT(a.pages.size() == first.size() / kGatewayBlockBytes);
  const std::size_t both = std::min(a.pages.size(), b.pages.size());
  for (std::size_t i = 0; i < both; ++i)
    RC_ASSERT((a.pages[i] == b.pages[i]) == ((i + 1) * kGatewayBlockBytes <= common.size()));
}

TEST(PromptReader, AReaderForgetsTheRequestBefore) {
  PromptReader reader;
  PromptInfo info;
  std::string big = completion(in_quotes(letters(4000)));
  ASSERT_TRUE(reader.read(Api::completions, big, info));
  std::string small = completion(in_quotes(letters(256)));
  ASSERT_TRUE(reader.read(Api::completions, small, info));
  EXPECT_EQ(info.pages, read(Api::completions, small).pages);
}

TEST(PromptReader, OnlyTheSizeOfVeryLargeBodiesCounts) {
  std::string body = completion(in_quotes(std::string(PromptReader::kReadMax, 'x')));
  const PromptInfo info = read(Api::completions, body);
  EXPECT_TRUE(info.pages.empty());
  EXPECT_EQ(info.input, static_cast<Tokens>(body.size() / 4));
}

TEST(PromptReader, RefusesWhatIsNotARequest) {
  const std::vector<std::pair<Api, std::string>> bodies = {
      {Api::chat, ""},
      {Api::chat, "   "},
      {Api::chat, "[]"},
      {Api::chat, "null"},
      {Api::chat, "\"text\""},
      {Api::chat, "{"},
      {Api::chat, R"({"messages":[)"},
      {Api::chat, R"({"messages":[{"role":"user","content":"x"}]} trailing)"},
      {Api::chat, R"({"messages":[{"role":"user","content":"x"}]}{})"},
      {Api::chat, R"({"messages":[{"role":"user" "content":"x"}]})"},
      {Api::chat, R"({"messages":[{"role":"user","content":"x]})"},
      {Api::chat, R"({"messages":[{"role":"user","content":"\x"}]})"},
      {Api::chat, R"({"messages":[{"role":"user","content":"\ud800"}]})"},
      {Api::chat, R"({"messages":"text"})"},
      {Api::chat, R"({"messages":[1]})"},
      {Api::chat, R"({"messages":[{"content":[1]}]})"},
      {Api::completions, "{\"prompt\":\"\xff\xfe\"}"},
      {Api::completions, completion("1")},
      {Api::completions, completion("{}")},
      {Api::completions, completion("[[[1]]]")},
      {Api::completions, R"({"prompt":"a",})"},
      {Api::completions, R"({'prompt':'a'})"},
      {Api::completions, R"({"prompt":"a"]})"},
  };
  PromptReader reader;
  PromptInfo info;
  for (const auto& [api, text] : bodies) {
    std::string body = text;
    const auto done = reader.read(api, body, info);
    EXPECT_FALSE(done.has_value()) << text;
    EXPECT_EQ(done ? 0 : done.error().status, 400) << text;
  }
  std::string fine = completion(in_quotes("a"));
  EXPECT_TRUE(reader.read(Api::completions, fine, info).has_value());
}

}  // namespace
}  // namespace infbench::live
