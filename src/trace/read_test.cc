#include "trace/read.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trace/trace_for_test.h"

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
