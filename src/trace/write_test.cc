#include "trace/write.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trace/synthesize.h"
#include "trace/trace_for_test.h"

namespace infbench::trace {
namespace {

using ::testing::HasSubstr;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(WriteTrace, WritesAsTheAuthorsDo) {
  const std::string text =
      "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 3, \"hash_ids\": [0, 18446744073709551615]}\n"
      "{\"timestamp\": 1.5, \"input_length\": 1, \"output_length\": 3, \"hash_ids\": [7], \"session_id\": \"a\", \"delay\": "
      "0.000001, \"x\": "
      "[1,  {\"y\": null}], \"\\u00e4\": \"\xC3\xA4\"}\n"
      "{\"input_length\": 1, \"output_length\": 3, \"hash_ids\": [8], \"session_id\": \"a\"}\n";
  EXPECT_EQ(to_jsonl(read_text(text).trace), text);
}

TEST(WriteTrace, PublishedOrStandInComesBackByteForByte) {
  const std::string path = ::testing::TempDir() + "write_test_trace.jsonl";
  std::string text;
  if (const std::string published = published_conversation(); !published.empty()) {
    text = content_of(published);
  } else {
    text = to_jsonl(synthesize({.like = "conversation", .requests = {}, .seed = 0, .speed = 1}).value());
  }
  ASSERT_TRUE(write_trace(read_text(text).trace, path).has_value());
  EXPECT_TRUE(content_of(path) == text);
  std::remove(path.c_str());
}

TEST(WriteTrace, SaysWhyItCannot) {
  const ReadTrace read = read_text(row(0, 5, 5, {0}));
  EXPECT_EQ(format_errors(write_trace(read.trace, "/no/such/folder/t").error()),
            "/no/such/folder/t: cannot write the trace: No such file or directory\n");
  EXPECT_THAT(format_errors(write_trace(read.trace, "/dev/full").error()), HasSubstr("cannot write the trace: No space left"));
}

// A row in every shape that the reader takes.
std::string any_row() {
  const auto input = *rc::gen::inRange<Tokens>(1, 2000);
  const auto ids = *rc::gen::container<std::vector<std::uint64_t>>(
      static_cast<std::size_t>(blocks_of(input)),
      rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 5), rc::gen::arbitrary<std::uint64_t>()));
  std::string more;
  if (*rc::gen::inRange(0, 3) == 0) more += fmt::format(", \"session_id\": {}", *rc::gen::inRange(0, 3));
  if (*rc::gen::inRange(0, 3) == 0) more += fmt::format(", \"delay\": {}", *rc::gen::inRange(0, 5000) / 8.0);
  if (*rc::gen::inRange(0, 3) == 0) more += fmt::format(", \"x\": [{}]", *rc::gen::inRange(0, 9));
  return row(*rc::gen::inRange(0, 8000) / 8.0, input, *rc::gen::inRange<Tokens>(1, 3000), ids, more);
}

// One reading sorts and moves to 0; from then on the text stays as it is.
RC_GTEST_PROP(WriteTrace, WhatWasReadAndWrittenIsReadAndWrittenTheSame, ()) {
  std::string text;
  const int rows = *rc::gen::inRange(1, 20);
  for (int i = 0; i < rows; ++i) text += any_row();
  const ReadTrace once = read_text(text);
  const std::string written = to_jsonl(once.trace);
  const ReadTrace twice = read_text(written);
  RC_ASSERT(to_jsonl(twice.trace) == written);
  RC_ASSERT(twice.trace.size() == once.trace.size());
  for (std::uint32_t i = 0; i < once.trace.size(); ++i) {
    const Request a = once.trace.request({i});
    const Request b = twice.trace.request({i});
    RC_ASSERT(a.at == b.at);
    RC_ASSERT(a.input == b.input);
    RC_ASSERT(a.output == b.output);
    RC_ASSERT(a.previous == b.previous);
    RC_ASSERT(a.delay == b.delay);
    RC_ASSERT(a.blocks.size() == b.blocks.size());
    for (std::size_t k = 0; k < a.blocks.size(); ++k) {
      RC_ASSERT(once.trace.block_id(a.blocks[k]) == twice.trace.block_id(b.blocks[k]));
    }
  }
}

}  // namespace
}  // namespace infbench::trace
