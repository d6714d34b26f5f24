#include "trace/slice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trace/read.h"
#include "trace/write.h"

namespace infbench::trace {
namespace {

constexpr const char* kRows =
    R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [7, 8], "note": 1})"
    "\n"
    R"({"timestamp": 1000, "input_length": 5, "output_length": 5, "hash_ids": [9], "session_id": "a"})"
    "\n"
    R"({"timestamp": 2000.5, "input_length": 500, "output_length": 6, "hash_ids": [7]})"
    "\n"
    R"({"input_length": 4, "output_length": 7, "hash_ids": [3], "session_id": "a", "delay": 20})"
    "\n"
    R"({"timestamp": 3000, "input_length": 4, "output_length": 7, "hash_ids": [3]})"
    "\n";

std::string sliced(const SliceOptions& options) {
  const auto read = read_trace_text(kRows, "rows");
  EXPECT_TRUE(read.has_value());
  const auto part = slice(read->trace, options);
  return part ? to_jsonl(*part) : "error: " + part.error().front().what;
}

TEST(Slice, ByTimeLengthAndNumber) {
  const auto whole = read_trace_text(kRows, "rows");
  EXPECT_EQ(sliced({}), to_jsonl(whole->trace));
  EXPECT_EQ(sliced({.from = milliseconds(2000), .to = milliseconds(2999)}),
            "{\"timestamp\": 0, \"input_length\": 500, \"output_length\": 6, \"hash_ids\": [7]}\n");
  EXPECT_THAT(sliced({.from = milliseconds(3000), .to = milliseconds(3000)}), testing::HasSubstr("[3]")) << "both ends are in";
  EXPECT_EQ(sliced({.requests = 1}),
            "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [7, 8], \"note\": 1}\n");
  EXPECT_THAT(sliced({.input_max = 499}), testing::Not(testing::HasSubstr("[7")));
  EXPECT_EQ(sliced({.from = seconds(9)}), "error: the slice has no request");
}

TEST(Slice, ThePartCanBeFaster) {
  const std::string text = sliced({.from = milliseconds(1000), .speed = 2});
  EXPECT_THAT(text, testing::HasSubstr("\"timestamp\": 500.25,"));
  EXPECT_THAT(text, testing::HasSubstr("\"timestamp\": 1000,"));
  EXPECT_THAT(text, testing::HasSubstr("\"delay\": 10"));
}

TEST(Slice, ALaterTurnNeedsItsHistory) {
  EXPECT_THAT(sliced({.from = milliseconds(1000)}), testing::HasSubstr("\"session_id\": \"a\", \"delay\": 20"));
  EXPECT_THAT(sliced({.input_max = 4}), testing::Not(testing::HasSubstr("session_id")));
}

}  // namespace
}  // namespace infbench::trace
