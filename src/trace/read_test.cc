#include "trace/read.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trace/slice.h"
#include "trace/trace_for_test.h"
#include "trace/write.h"

namespace infbench::trace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string errors_of(const std::string& text) {
  const auto read = read_trace_text(text, "t");
  return read ? "no error" : format_errors(read.error());
}

// The same without source lines and carets.
std::vector<std::string> error_lines(const std::string& text) {
  std::vector<std::string> lines;
  const auto read = read_trace_text(text, "t");
  if (read) return {"no error"};
  for (Error error : read.error()) {
    error.source_line.clear();
    lines.push_back(format_error(error));
    lines.back().pop_back();
  }
  return lines;
}

TEST(ReadTrace, ReadsRows) {
  const ReadTrace read = read_text(row(0, 6758, 500, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) + row(0, 512, 1, {7}) +
                                   row(1500.25, 513, 2, {7, 99}));
  ASSERT_EQ(read.trace.size(), 3U);
  EXPECT_THAT(read.notes, IsEmpty());
  const Request first = read.trace.request({0});
  EXPECT_EQ(first.at, Time{});
  EXPECT_EQ(first.input, 6758);
  EXPECT_EQ(first.new_input, 6758);
  EXPECT_EQ(first.output, 500);
  EXPECT_EQ(first.blocks.size(), 14U);
  EXPECT_FALSE(first.previous.has_value());
  const Request last = read.trace.request({2});
  EXPECT_EQ(last.at.ns, 1'500'250'000);
  EXPECT_THAT(last.blocks, ElementsAre(7, 99));
  EXPECT_EQ(read.trace.block_count(), 17U);
  EXPECT_EQ(read.trace.stand_in(), "");
}

// One token a byte, blocks by number.
ReadOptions counting_bytes() {
  ReadOptions options;
  options.count = [](PromptKind, std::string_view json) -> Result<CountedPrompt> {
    if (json.find("bad") != std::string_view::npos) return fail("it is bad");
    CountedPrompt counted{.tokens = static_cast<Tokens>(json.size()), .blocks = {}};
    for (std::int64_t i = 0; i < blocks_of(counted.tokens); ++i)
      counted.blocks.push_back(UINT64_MAX - static_cast<std::uint64_t>(i));
    return counted;
  };
  return options;
}

std::string literal_of(const Trace& trace, std::uint32_t request) {
  std::vector<std::string_view> pieces;
  trace.append_literal({request}, pieces);
  std::string all;
  for (const std::string_view piece : pieces) all += piece;
  return all;
}

TEST(ReadTrace, ReadsLiteralPrompts) {
  const std::string messages = R"([{"role": "user", "content": "x"} , {"role":"tool"}])";
  const std::string payload = R"({"messages":[{"role":"user"}], "stream": true, "max_tokens": 9,"ignore_eos":true })";
  const std::string text = R"({"timestamp": 5, "text_input": "a\"b", "output_length": 2, "extra": {"top_k": 1}, "k": 1})"
                           "\n"
                           R"({"timestamp": 6, "text_input": null, "payload": null, "messages": )" +
                           messages +
                           R"(, "tools": [{"a": 1}], "session_id": "s"})"
                           "\n"
                           R"({"messages": )" +
                           messages +
                           R"(, "session_id": "s", "delay": 4})"
                           "\n"
                           R"({"timestamp": 7, "payload": )" +
                           payload + "}\n" + row(8, 5, 1, {3}, R"(, "extra": {"a": 2})");
  const auto read = read_trace_text(text, "t", counting_bytes());
  ASSERT_TRUE(read.has_value()) << format_errors(read.error());
  const Trace& trace = read->trace;
  ASSERT_EQ(trace.size(), 5U);
  EXPECT_EQ(trace.literal_prompts(), 4U);
  EXPECT_THAT(read->notes, ::testing::Contains(HasSubstr("4 rows with a literal prompt")));

  EXPECT_EQ(trace.request({0}).prompt, PromptKind::text_input);
  EXPECT_EQ(trace.request({0}).new_input, 6);
  EXPECT_EQ(trace.request({0}).output, 2);
  EXPECT_EQ(trace.block_id(trace.request({0}).blocks.front()), UINT64_MAX);
  EXPECT_EQ(literal_of(trace, 0), R"("a\"b")");
  EXPECT_EQ(trace.body({0}).extra, R"({"top_k": 1})");
  EXPECT_EQ(trace.original({0}).extra, R"("k": 1)");

  // A later turn of messages has the turns before in it: they do not count twice.
  EXPECT_EQ(trace.request({1}).prompt, PromptKind::messages);
  EXPECT_EQ(trace.request({2}).input, static_cast<Tokens>(messages.size()));
  ASSERT_TRUE(trace.request({2}).previous.has_value());
  EXPECT_EQ(trace.request({2}).previous->value, 1U);
  EXPECT_EQ(literal_of(trace, 2), messages);
  EXPECT_EQ(trace.body({1}).tools, R"([{"a": 1}])");
  EXPECT_FALSE(trace.body({1}).output_known);

  EXPECT_EQ(literal_of(trace, 3), payload);
  const Body body = trace.body({3});
  EXPECT_TRUE(body.streams && body.ignores_eos && body.output_known && !body.has_output_length);
  EXPECT_EQ(trace.request({3}).output, 9);

  EXPECT_EQ(trace.request({4}).prompt, PromptKind::blocks);
  EXPECT_EQ(trace.block_id(trace.request({4}).blocks.front()), 3U);
  EXPECT_EQ(trace.body({4}).extra, R"({"a": 2})");
}

TEST(ReadTrace, TheMessagesOfAConversationAreOneTextInMemory) {
  std::string text;
  std::string all = R"({"role": "system", "content": ")" + std::string(5000, 's') + "\"}";
  for (int turn = 0; turn < 20; ++turn) {
    all += R"(, {"role": "user", "content": ")" + std::to_string(turn) + std::string(1000, 'u') + "\"}";
    text += R"({"timestamp": 0, "messages": [)" + all + "]}\n";
    text += R"({"timestamp": 0, "payload": {"messages": [)" + all + "], \"n\": " + std::to_string(turn) + "}}\n";
  }
  const auto read = read_trace_text(text, "t", counting_bytes());
  ASSERT_TRUE(read.has_value());
  EXPECT_GT(text.size(), 500'000U);
  EXPECT_LT(read->trace.literal_bytes(), 40'000U);
  EXPECT_EQ(literal_of(read->trace, 38), "[" + all + "]");
}

const std::vector<std::pair<std::string, std::string>> kBadPrompts = {
    {R"({"timestamp": 0, "text_input": "a", "input_length": 5, "output_length": 1, "hash_ids": [1]})",
     "t:1:37: expected one of 'input_length', 'text_input', 'messages' and 'payload', found 'input_length' and 'text_input'"},
    {R"({"timestamp": 0, "text_input": "a", "hash_ids": [1]})",
     "t:1:37: 'hash_ids' goes with 'input_length' only, found it beside 'text_input'"},
    {R"({"timestamp": 0, "text_input": ""})", "t:1:32: expected a text for 'text_input', found an empty one"},
    {R"({"timestamp": 0, "text_input": ["a"]})", "t:1:32: expected a text for 'text_input', found an array"},
    {R"({"timestamp": 0, "text_input": "bad"})", "t:1:18: the field 'text_input' cannot be counted: it is bad"},
    {R"({"timestamp": 0, "text_input": "a", "text_input": null})", "t:1:37: the field 'text_input' is given twice"},
    {R"({"text_input": "a"})", "t:1:19: the field 'timestamp' is missing"},
    {R"({"timestamp": 0, "text_input": "a", "tools": [{}]})", "t:1:37: 'tools' goes with 'messages' only, found it without"},
    {R"({"timestamp": 0, "messages": []})", "t:1:30: expected an array of messages for 'messages', found an empty one"},
    {R"({"timestamp": 0, "messages": {"role": "x"}})", "t:1:30: expected an array of messages for 'messages', found an object"},
    {R"({"timestamp": 0, "messages": [{"role": "x"}, {"content": "y"}]})",
     "t:1:46: expected an object with a role for each message, found one without"},
    {R"({"timestamp": 0, "messages": [3]})", "t:1:31: expected an object with a role for each message, found a number"},
    {R"({"timestamp": 0, "messages": [{"role": "x"}], "tools": []})",
     "t:1:56: expected an array of tools for 'tools', found an empty one"},
    {R"({"timestamp": 0, "messages": [{"role": "x"}], "tools": [1]})",
     "t:1:57: expected an object for each tool, found a number"},
    {R"({"timestamp": 0, "payload": {}})", "t:1:29: expected the object of a request's body for 'payload', found an empty one"},
    {R"({"timestamp": 0, "payload": {"model": "m"}})", "t:1:29: expected 'messages' or 'prompt' in 'payload', found neither"},
    {R"({"timestamp": 0, "payload": {3: 4}})", "t:1:30: broken JSON: expected a field name in quotes, found '3'"},
    {R"({"timestamp": 0, "text_input": "a", "extra": [1]})", "t:1:46: expected an object for 'extra', found an array"},
    {R"({"timestamp": 0, "text_input": "a", "extra": {"b": 1, "prompt": 2}})",
     "t:1:55: expected no prompt in 'extra', found the field \"prompt\""},
    {R"({"timestamp": 0, "text_input": "a", "extra": {"b": 1, "b": 2}})", "t:1:55: the field \"b\" is given twice in 'extra'"},
    {R"({"timestamp": 0, "text_input": "a", "session_id": 1})"
     "\n"
     R"({"session_id": 1, "messages": [{"role": "x"}]})",
     "t:2:19: expected 'text_input' as in the first row of this session, found 'messages'"},
    {R"({"timestamp": 0, "payload": {"prompt": "a"}, "session_id": 1})"
     "\n"
     R"({"session_id": 1, "messages": [{"role": "x"}]})",
     "t:2:19: expected 'payload' as in the first row of this session, found 'messages'"},
};

TEST(ReadTrace, SaysWhatIsWrongWithALiteralPrompt) {
  for (const auto& [text, error] : kBadPrompts) {
    const auto read = read_trace_text(text + "\n", "t", counting_bytes());
    ASSERT_FALSE(read.has_value()) << text;
    Error first = read.error().front();
    first.source_line.clear();
    EXPECT_EQ(format_error(first), error + "\n") << text;
    EXPECT_EQ(read.error().size(), 1U) << text;
  }
}

TEST(ReadTrace, WhoReadsSaysWhatItCannotUse) {
  const std::string text = R"({"timestamp": 0, "text_input": "a", "session_id": 1})"
                           "\n"
                           R"({"text_input": "a", "session_id": 1})"
                           "\n"
                           R"({"timestamp": 0, "messages": [{"role": "x"}], "session_id": 2})"
                           "\n"
                           R"({"messages": [{"role": "x"}], "session_id": 2})"
                           "\n";
  EXPECT_THAT(
      error_lines(text),
      ElementsAre("t:1:18: the field 'text_input' cannot be used here", "t:2:2: the field 'text_input' cannot be used here",
                  "t:3:18: the field 'messages' cannot be used here", "t:4:2: the field 'messages' cannot be used here"));
  ReadOptions options = counting_bytes();
  options.refused[static_cast<std::size_t>(PromptKind::messages)] = "no chat";
  options.no_history = "no turns";
  options.needs_output = "give it";
  const auto read = read_trace_text(text, "t", options);
  ASSERT_FALSE(read.has_value());
  std::vector<std::string> lines;
  for (const Error& error : read.error()) lines.push_back(std::to_string(error.line) + ": " + error.what);
  EXPECT_THAT(
      lines,
      ElementsAre("1: the field 'output_length' is missing: give it", "2: the field 'output_length' is missing: give it",
                  "2: a later turn of a session cannot be used: no turns", "3: the field 'output_length' is missing: give it",
                  "3: the field 'messages' cannot be used: no chat", "4: the field 'output_length' is missing: give it",
                  "4: the field 'messages' cannot be used: no chat"));
}

// Read, cut out and written again, a row is as it was.
TEST(ReadTrace, LiteralPromptsComeBackAsTheyStood) {
  const std::string rows =
      R"({"timestamp": 0, "text_input": "a\u00e9/\/", "output_length": 2, "session_id": "s", "extra": {"a" : [1 ,2]}, "k": 1})"
      "\n"
      R"({"timestamp": 2, "messages": [{"role":"x"} ,  {"role": "y"}], "tools": [ {"a":1} ]})"
      "\n"
      R"({"timestamp": 3, "payload": { "prompt" : [1,2], "max_tokens":3 }})"
      "\n"
      R"({"timestamp": 4, "input_length": 5, "output_length": 1, "hash_ids": [0], "extra": {"b": 1}})"
      "\n";
  const auto read = read_trace_text(R"({"timestamp": 0, "text_input": "x"})"
                                    "\n" +
                                        rows,
                                    "t", counting_bytes());
  ASSERT_TRUE(read.has_value()) << format_errors(read.error());
  EXPECT_EQ(to_jsonl(read->trace), R"({"timestamp": 0, "text_input": "x"})"
                                   "\n" +
                                       rows);
  const auto part = slice(read->trace, {.from = milliseconds(2)});
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(part->literal_prompts(), 2U);
  EXPECT_THAT(to_jsonl(*part), HasSubstr(R"({"timestamp": 1, "payload": { "prompt" : [1,2], "max_tokens":3 }})"));
}

struct BadLine {
  std::string line;
  std::string error;
};

const std::string kOnePerBlock = "one per 512 tokens, rounded up";

const std::vector<BadLine> kBadLines = {
    // Missing fields: at the end of the object.
    {R"({"input_length": 5, "output_length": 1, "hash_ids": [0]})", "t:1:56: the field 'timestamp' is missing"},
    {R"({"timestamp": 0, "output_length": 1, "hash_ids": [0]})", "t:1:53: the field 'input_length' is missing"},
    {R"({"timestamp": 0, "input_length": 5, "hash_ids": [0]})", "t:1:52: the field 'output_length' is missing"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1})", "t:1:55: the field 'hash_ids' is missing"},
    // Wrong types and values: at the value.
    {R"({"timestamp": "0", "input_length": 5, "output_length": 1, "hash_ids": [0]})",
     R"(t:1:15: expected milliseconds from 0 to 4000000000000 for 'timestamp', found "0")"},
    {R"({"timestamp": -1, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
     "t:1:15: expected milliseconds from 0 to 4000000000000 for 'timestamp', found -1"},
    {R"({"timestamp": 1e300, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
     "t:1:15: expected milliseconds from 0 to 4000000000000 for 'timestamp', found 1e300"},
    {R"({"timestamp": 99999999999999999999, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
     "t:1:15: expected milliseconds from 0 to 4000000000000 for 'timestamp', found 99999999999999999999"},
    {R"({"timestamp": 0, "input_length": 0, "output_length": 1, "hash_ids": []})",
     "t:1:34: expected a whole number from 1 to 2147483647 for 'input_length', found 0"},
    {R"({"timestamp": 0, "input_length": -5, "output_length": 1, "hash_ids": [0]})",
     "t:1:34: expected a whole number from 1 to 2147483647 for 'input_length', found -5"},
    {R"({"timestamp": 0, "input_length": 5.0, "output_length": 1, "hash_ids": [0]})",
     "t:1:34: expected a whole number from 1 to 2147483647 for 'input_length', found 5.0"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": "1", "hash_ids": [0]})",
     R"(t:1:54: expected a whole number from 1 to 2147483647 for 'output_length', found "1")"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 0, "hash_ids": [0]})",
     "t:1:54: expected a whole number from 1 to 2147483647 for 'output_length', found 0"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 2147483648, "hash_ids": [0]})",
     "t:1:54: expected a whole number from 1 to 2147483647 for 'output_length', found 2147483648"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": null, "hash_ids": [0]})",
     "t:1:54: expected a whole number from 1 to 2147483647 for 'output_length', found null"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": [1, {"a": 2}], "hash_ids": [0]})",
     "t:1:54: expected a whole number from 1 to 2147483647 for 'output_length', found an array"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": 0})",
     "t:1:69: expected an array of block ids for 'hash_ids', found 0"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [-1]})",
     "t:1:70: expected a block id (a whole number from 0 to 18446744073709551615), found -1"},
    {R"({"timestamp": 0, "input_length": 600, "output_length": 1, "hash_ids": [3, "4"]})",
     R"(t:1:75: expected a block id (a whole number from 0 to 18446744073709551615), found "4")"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [18446744073709551616]})",
     "t:1:70: expected a block id (a whole number from 0 to 18446744073709551615), found 18446744073709551616"},
    // The number of blocks.
    {R"({"timestamp": 0, "input_length": 513, "output_length": 1, "hash_ids": [0]})",
     "t:1:71: expected 2 block ids in 'hash_ids' for input_length 513 (" + kOnePerBlock + "), found 1"},
    {R"({"timestamp": 0, "input_length": 512, "output_length": 1, "hash_ids": [0, 1]})",
     "t:1:71: expected 1 block id in 'hash_ids' for input_length 512 (" + kOnePerBlock + "), found 2"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": []})",
     "t:1:69: expected 1 block id in 'hash_ids' for input_length 5 (" + kOnePerBlock + "), found 0"},
    // Twice.
    {R"({"timestamp": 0, "timestamp": 1, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
     "t:1:18: the field 'timestamp' is given twice"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0], "a": 1, "b": 2, "a": 1})",
     "t:1:90: the field 'a' is given twice"},
    // Sessions.
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0], "session_id": 1.5})",
     "t:1:88: expected a string or a whole number for 'session_id', found 1.5"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0], "session_id": "a", "delay": -2})",
     "t:1:102: expected milliseconds from 0 to 4000000000000 for 'delay', found -2"},
    {R"({"input_length": 5, "output_length": 1, "hash_ids": [0], "session_id": "a"})",
     "t:1:75: the field 'timestamp' is missing in the first row of its session"},
    // Broken JSON.
    {R"([1, 2])", "t:1:1: broken JSON: expected a JSON object, found '['"},
    {R"({"timestamp": 0, "input_length": 5 "output_length": 1})", "t:1:36: broken JSON: expected ',' or '}', found '\"'"},
    {R"({"timestamp" 0})", "t:1:14: broken JSON: expected ':', found '0'"},
    {R"({timestamp: 0})", "t:1:2: broken JSON: expected a field name in quotes, found 't'"},
    {R"({"timestamp": 0,})", "t:1:17: broken JSON: expected a field name in quotes, found '}'"},
    {R"({"hash_ids": [1,]})", "t:1:17: broken JSON: expected a block id, found ']'"},
    {R"({"hash_ids": [1 2]})", "t:1:17: broken JSON: expected ',' or ']', found '2'"},
    {R"({"timestamp": })", "t:1:15: broken JSON: expected a number, found '}'"},
    {R"({"timestamp": 01})", "t:1:16: broken JSON: expected a number without leading zeros, found '1'"},
    {R"({"hash_ids": [01]})", "t:1:16: broken JSON: expected a number without leading zeros, found '1'"},
    {R"({"timestamp": 1.})", "t:1:17: broken JSON: expected a digit after the point, found '}'"},
    {R"({"timestamp": 1e})", "t:1:17: broken JSON: expected a digit in the exponent, found '}'"},
    {R"({"timestamp": +1})", "t:1:15: broken JSON: expected a number, found '+'"},
    {R"({"timestamp": NaN})", "t:1:15: broken JSON: expected a number, found 'N'"},
    {R"({"x": trve})", "t:1:7: broken JSON: expected true, false or null, found 't'"},
    {R"({"x": {"y": [1, {"z": tru]}]}})", "t:1:23: broken JSON: expected true, false or null, found 't'"},
    {R"({"x": "\q"})", "t:1:9: broken JSON: expected an escape such as \\n or \\u0041, found 'q'"},
    {R"({"x": "\u12g4"})", "t:1:12: broken JSON: expected four hexadecimal digits, found 'g'"},
    {"{\"x\": \"a\tb\"}",
     "t:1:9: broken JSON: expected '\"' (a control character in a string must be escaped), found byte 0x09"},
    {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0]} {)",
     "t:1:74: broken JSON: expected the end of the line, found '{'"},
    {"{\"x\": " + std::string(70, '[') + "}", "t:1:72: more than 64 arrays and objects in one another"},
    // Not UTF-8.
    {"{\"x\": \"caf\xE9\"}", "t:1:11: not UTF-8: found byte 0xe9"},
    {"{\"x\": \"\xC0\xAF\"}", "t:1:8: not UTF-8: found byte 0xc0"},
    {"\xFF\xFE{", "t:1:1: not UTF-8: found byte 0xff"},
    {"{\"\xC3\xA4\xC3\": 1}", "t:1:5: not UTF-8: found byte 0xc3"},
    {"\xEF\xBB\xBF{}", "t:1:1: expected a JSON object, found a byte order mark: remove it"},
    {"caf\xC3\xA9", "t:1:1: broken JSON: expected a JSON object, found 'c'"},
    {"\xC3\xA9", "t:1:1: broken JSON: expected a JSON object, found '\xC3\xA9'"},
};

TEST(ReadTrace, SaysWhatIsWrongAndWhere) {
  for (const BadLine& one : kBadLines) EXPECT_THAT(error_lines(one.line + "\n"), ElementsAre(one.error)) << one.line;
}

// Each is looked for among those before it, so there must be an end to them.
TEST(ReadTrace, TakesAThousandUnknownFieldsInARow) {
  std::string fields;
  for (int i = 0; i < 1000; ++i) fields += ", \"f" + std::to_string(i) + "\": 1";
  EXPECT_EQ(read_text(row(0, 5, 5, {0}, fields)).trace.size(), 1U);
  EXPECT_THAT(error_lines(row(0, 5, 5, {0}, fields + ", \"x\": 1, \"y\": 1, \"x\": 1")),
              ElementsAre(HasSubstr("expected at most 1000 fields that infbench does not know, found more")));
}

TEST(ReadTrace, ShowsTheLineAndACaret) {
  EXPECT_EQ(errors_of("{\"timestamp\": 0, \"input_length\": 0, \"output_length\": 1, \"hash_ids\": []}\n"),
            "t:1:34: expected a whole number from 1 to 2147483647 for 'input_length', found 0\n"
            "  {\"timestamp\": 0, \"input_length\": 0, \"output_length\": 1, \"hash_ids\": []}\n"
            "                                   ^\n");
}

TEST(ReadTrace, ReportsAllErrorsOfALineAndOfTheFile) {
  EXPECT_THAT(
      error_lines("{\"timestamp\": \"x\", \"input_length\": 0}\n" + row(0, 5, 5, {0}) + "oops\n" + row(5, 513, 5, {0})),
      ElementsAre("t:1:15: expected milliseconds from 0 to 4000000000000 for 'timestamp', found \"x\"",
                  "t:1:36: expected a whole number from 1 to 2147483647 for 'input_length', found 0",
                  "t:1:37: the field 'output_length' is missing", "t:1:37: the field 'hash_ids' is missing",
                  "t:3:1: broken JSON: expected a JSON object, found 'o'",
                  "t:4:71: expected 2 block ids in 'hash_ids' for input_length 513 (one per 512 tokens, rounded up), found 1"));
}

TEST(ReadTrace, SaysHowManyMoreErrorsThereAre) {
  std::string text;
  for (std::size_t i = 0; i < TraceReader::kMostErrors; ++i) text += "x\n";
  EXPECT_EQ(error_lines(text).size(), TraceReader::kMostErrors);
  EXPECT_EQ(error_lines(text + "x\n").back(), "t: ... and 1 more error");
  EXPECT_EQ(error_lines(text + "x\nx\nx\n").back(), "t: ... and 3 more errors");
  EXPECT_EQ(error_lines(text + "x\nx\nx\n").size(), TraceReader::kMostErrors + 1);
}

TEST(ReadTrace, ATruncatedLastLineHasItsOwnMessage) {
  const std::string whole = row(0, 600, 5, {0, 1}, R"(, "x": [true, "caf\u00e9"])");
  const std::string last = whole.substr(0, whole.size() - 1);  // without the newline
  EXPECT_EQ(read_text(whole + last).trace.size(), 2U);         // complete: only the newline is missing
  for (std::size_t cut = 1; cut < last.size(); ++cut) {
    EXPECT_THAT(error_lines(whole + last.substr(0, cut)),
                ElementsAre(::testing::AllOf(::testing::StartsWith("t:2:"),
                                             HasSubstr(": the last line is cut off: broken JSON: expected"),
                                             HasSubstr("found the end of the line: the file seems incomplete"))))
        << last.substr(0, cut);
  }
  EXPECT_THAT(errors_of("{\"timestamp\": 1\n"), Not(HasSubstr("cut off")));  // a newline: not cut
  EXPECT_THAT(errors_of("{\"timestamp\"; 1}"), Not(HasSubstr("cut off")));   // wrong before the end
}

TEST(ReadTrace, EmptyLinesAreFineAtTheEndOnly) {
  EXPECT_EQ(read_text(row(0, 5, 5, {0}) + "\n \t\r\n\n").trace.size(), 1U);
  EXPECT_THAT(error_lines(row(0, 5, 5, {0}) + "\n\n" + row(0, 5, 5, {0})),
              ElementsAre("t:2:1: expected a JSON object, found an empty line"));
  EXPECT_THAT(error_lines("\n" + row(0, 5, 5, {0})), ElementsAre("t:1:1: expected a JSON object, found an empty line"));
}

TEST(ReadTrace, AFileWithoutRowsIsAnError) {
  for (const char* text : {"", "\n", " \n\n"}) {
    EXPECT_EQ(errors_of(text), "t: expected one JSON object per line, found none: a trace has at least one request\n");
  }
}

TEST(ReadTrace, TakesWhatJsonAllows) {
  const ReadTrace read = read_text(
      " {\"hash_ids\":[ 3 ,4\t],\"output_length\":7 , \"input_length\": 1024,\"timestamp\":0.0}\r\n"
      "{\"timestamp\": 1.5e3, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [18446744073709551615]}\n"
      "{\"timestamp\": 2000.1234567, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [0], \"\xC3\xA4\": \"\\u00e4 "
      "\xE2\x82\xAC\"}");
  EXPECT_EQ(read.trace.request({0}).output, 7);
  EXPECT_EQ(read.trace.request({1}).at.ns, 1'500'000'000);
  EXPECT_EQ(read.trace.request({2}).at.ns, 2'000'123'457);  // to the nanosecond
  const auto id = [&](std::uint32_t row, std::size_t block) {
    return read.trace.block_id(read.trace.request({row}).blocks[block]);
  };
  EXPECT_EQ(id(0, 0), 3U);
  EXPECT_EQ(id(0, 1), 4U);
  EXPECT_EQ(id(1, 0), UINT64_MAX);
  EXPECT_EQ(id(2, 0), 0U);
}

TEST(ReadTrace, SortsStablyAndSaysSo) {
  const ReadTrace read = read_text(row(100, 1, 1, {0}) + row(300, 2, 1, {0}, ", \"x\": 1") + row(200, 3, 1, {0}, ", \"x\": 2") +
                                   row(100, 4, 1, {0}) + row(300, 5, 1, {0}));
  std::vector<Tokens> order;
  for (std::uint32_t i = 0; i < 5; ++i) order.push_back(read.trace.request({i}).input);
  EXPECT_THAT(order, ElementsAre(1, 4, 3, 2, 5));
  EXPECT_EQ(read.trace.original({2}).extra, "\"x\": 2");
  EXPECT_EQ(read.trace.original({3}).extra, "\"x\": 1");
  EXPECT_EQ(read.trace.original({1}).extra, "");
  EXPECT_THAT(read.notes, ElementsAre("sorted by timestamp: 2 rows were out of order",
                                      "the first timestamp was 100 ms: all times moved so that it is 0"));
  EXPECT_EQ(read.trace.request({4}).at.ns, 200'000'000);
}

TEST(ReadTrace, EpochTimestampsKeepTheirNanoseconds) {
  const ReadTrace read = read_text(
      "{\"timestamp\": 1700000000000.000001, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [0]}\n"
      "{\"timestamp\": 1700000000000.000003, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [0]}\n");
  EXPECT_EQ(read.trace.request({1}).at.ns, 2);
}

TEST(ReadTrace, RowsOfASessionBecomeTurns) {
  const ReadTrace read =
      read_text(row(0, 600, 50, {0, 1}, R"(, "session_id": "a")") + row(10, 5, 5, {9}) +
                R"({"input_length": 100, "output_length": 20, "hash_ids": [2], "session_id": "a", "delay": 1500})" + "\n" +
                row(5000, 30, 7, {3}, R"(, "session_id": "a", "delay": 0.5)") + row(6000, 30, 7, {3}, R"(, "session_id": 7)"));
  EXPECT_THAT(read.notes, IsEmpty());
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < read.trace.size(); ++i) requests.push_back(read.trace.request({i}));
  // The turn without a timestamp stands right after the one it follows.
  EXPECT_EQ(requests[1].new_input, 100);
  EXPECT_EQ(requests[1].input, 600 + 50 + 100);
  EXPECT_EQ(requests[1].at, Time{});
  EXPECT_EQ(requests[1].previous, RequestIndex{0});
  EXPECT_EQ(requests[1].delay, milliseconds(1500));
  EXPECT_EQ(requests[2].input, 5);
  EXPECT_EQ(requests[3].input, 600 + 50 + 100 + 20 + 30);
  EXPECT_EQ(requests[3].at.ns, 5'000'000'000);
  EXPECT_EQ(requests[3].previous, RequestIndex{1});
  EXPECT_EQ(requests[3].delay, microseconds(500));
  EXPECT_THAT(requests[3].blocks, ElementsAre(3));
  EXPECT_FALSE(requests[4].previous.has_value());
}

TEST(ReadTrace, OddDelaysAndTurnsAreNoted) {
  EXPECT_THAT(read_text(row(0, 5, 5, {0}, R"(, "delay": 5)") + row(0, 5, 5, {0}, R"(, "session_id": 1, "delay": 5)")).notes,
              ElementsAre("a delay counts from the turn before: it has no effect in 2 rows without one"));
  const ReadTrace read = read_text(row(900, 5, 5, {0}, R"(, "session_id": 1)") + row(0, 6, 5, {0}, R"(, "session_id": 1)") +
                                   row(0, 7, 5, {0}, ""));
  EXPECT_THAT(read.notes, ElementsAre("sorted by timestamp: 1 row was out of order",
                                      "a turn is sent after the one before it: 1 row had an earlier timestamp than that"));
  EXPECT_EQ(read.trace.request({2}).previous, RequestIndex{1});
}

TEST(ReadTrace, OnlyLaterTurnsMayLeaveOutTheTimestampAlsoAfterABadFirstTurn) {
  EXPECT_THAT(error_lines(row(0, 0, 5, {0}, R"(, "session_id": 1)") +
                          R"({"input_length": 5, "output_length": 1, "hash_ids": [0], "session_id": 1})" + "\n"),
              ElementsAre(HasSubstr("t:1:34: expected a whole number")));
}

TEST(ReadTrace, PiecesMayBeCutAnywhere) {
  const std::string text = row(0, 600, 5, {0, 1}) + row(3, 600, 5, {0, 77}, R"(, "x": "y")") + row(5, 5, 5, {2});
  const std::string sha256 = read_text(text).sha256;
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    TraceReader reader("t");
    for (std::size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(reader.feed(std::string_view(text).substr(at, piece)));
      reader.expect(text.size());
    }
    const auto read = reader.finish();
    ASSERT_TRUE(read.has_value()) << piece;
    EXPECT_EQ(read->trace.size(), 3U);
    EXPECT_EQ(read->trace.original({1}).extra, R"("x": "y")");
    EXPECT_EQ(read->sha256, sha256);
  }
}

TEST(ReadTrace, ALineWithoutEndIsRefused) {
  TraceReader reader("t");
  const std::string piece(std::size_t{1} << 20U, ' ');
  int pieces = 0;
  while (pieces < 100 && reader.feed(piece)) ++pieces;
  EXPECT_EQ(pieces, 16);
  const auto read = reader.finish();
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(format_errors(read.error()),
            "t:1:1: expected a line of at most 16777216 bytes, found a longer one: a trace has one JSON object per line\n");
}

TEST(ReadTrace, ReadsFilesAndSaysWhyItCannot) {
  const std::string path = ::testing::TempDir() + "read_test_trace.jsonl";
  std::ofstream(path) << row(0, 5, 5, {0});
  const auto read = read_trace(path);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->sha256, file_sha256(path).value());
  std::filesystem::remove(path);
  EXPECT_EQ(format_errors(read_trace(path).error()), path + ": cannot read the trace: No such file or directory\n");
  EXPECT_EQ(format_errors(read_trace("/tmp").error()), "/tmp: cannot read the trace: Is a directory\n");
}

TEST(Trace, MarksAStandIn) {
  EXPECT_EQ(read_text(row(0, 5, 5, {0}) + row(1, 5, 5, {0}, R"(, "stand_in": "toolagent")")).trace.stand_in(), "toolagent");
  EXPECT_EQ(read_text(row(0, 5, 5, {0}, R"(, "stand_in": 1)")).trace.stand_in(), "");
}

}  // namespace
}  // namespace infbench::trace
