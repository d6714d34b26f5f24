#include "live/literal_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace infbench::live {
namespace {

using trace::PromptKind;

const net::WordList& words() {
  static const net::WordList list = net::WordList::built_in("data").value();
  return list;
}

trace::CountedPrompt counted(PromptKind kind, const std::string& json) { return count_literal(words(), kind, json).value(); }

TEST(CountLiteral, CountsTextOnlyAndTheSameInEachForm) {
  struct Case {
    PromptKind kind;
    const char* json;
    Tokens tokens;
  };
  const std::vector<Case> cases = {
      {PromptKind::text_input, R"(" the house and the garden")", 5},
      {PromptKind::text_input, R"("the\u0020house")", 2},
      {PromptKind::messages, R"([{"role":"system","content":"the house"},{"role":"user","content":"and the garden"}])", 5},
      {PromptKind::messages,
       R"([{"role":"user","content":[{"type":"text","text":"the"},{"type":"image_url","image_url":{}}]}])", 1},
      {PromptKind::messages, R"([{"role":"assistant","content":null,"tool_calls":[{"id":"x"}]}])", 1},
      {PromptKind::payload, R"({"model":"the house","messages":[{"role":"user","content":"the garden"}]})", 2},
      {PromptKind::payload, R"({"prompt":"the garden"})", 2},
      {PromptKind::payload, R"({"prompt":["the","garden and"]})", 3},
      {PromptKind::payload, R"({"prompt":[5,6,7]})", 3},
      {PromptKind::payload, R"({"prompt":[[5,6],[7]]})", 3},
  };
  for (const Case& one : cases) {
    const auto result = counted(one.kind, one.json);
    EXPECT_EQ(result.tokens, one.tokens) << one.json;
    EXPECT_EQ(result.blocks.size(), 1U) << one.json;
  }
  const auto bad = count_literal(words(), PromptKind::text_input, R"("\ud800")");
  ASSERT_FALSE(bad.has_value());
  EXPECT_FALSE(bad.error().front().what.empty());
}

TEST(CountLiteral, PromptsThatBeginAlikeShareBlocks) {
  std::string text;
  for (int i = 0; i < 1100; ++i) text += words().word(static_cast<std::size_t>(i * 7) % words().size());
  const auto first = counted(PromptKind::text_input, "\"" + text + "\"");
  const auto second = counted(PromptKind::text_input, "\"" + text + " and\"");
  const auto other = counted(PromptKind::text_input, "\" the" + text + "\"");
  ASSERT_EQ(first.tokens, 1100);
  ASSERT_EQ(first.blocks.size(), 3U);
  EXPECT_EQ(first.blocks[0], second.blocks[0]);
  EXPECT_EQ(first.blocks[1], second.blocks[1]);
  EXPECT_NE(first.blocks[2], second.blocks[2]);
  EXPECT_NE(first.blocks[0], other.blocks[0]);
  EXPECT_EQ(first.blocks, counted(PromptKind::payload, R"({"messages":[{"role":"user","content":")" + text + "\"}]}").blocks);

  std::string ids;
  for (int i = 0; i < 600; ++i) ids += (i > 0 ? "," : "") + std::to_string(i);
  const auto short_ids = counted(PromptKind::payload, "{\"prompt\":[" + ids + "]}");
  const auto long_ids = counted(PromptKind::payload, "{\"prompt\":[" + ids + ",1]}");
  ASSERT_EQ(short_ids.blocks.size(), 2U);
  EXPECT_EQ(short_ids.blocks[0], long_ids.blocks[0]);
  EXPECT_NE(short_ids.blocks[1], long_ids.blocks[1]);
}

}  // namespace
}  // namespace infbench::live
