// What the tests of this room share: rows and traces written down shortly, and the published trace if it is at hand.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "trace/build.h"
#include "trace/read.h"

namespace infbench::trace {

// A line of a trace file; `more` is text after the last field.
inline std::string row(double at_ms, Tokens input, Tokens output, const std::vector<std::uint64_t>& blocks,
                       const std::string& more = {}) {
  return fmt::format("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}]{}}}\n", at_ms, input,
                     output, fmt::join(blocks, ", "), more);
}

inline ReadTrace read_text(const std::string& text) {
  auto read = read_trace_text(text, "test");
  if (!read) std::fputs(format_errors(read.error()).c_str(), stderr);
  INFBENCH_CHECK(read.has_value());
  return std::move(*read);
}

// The conversation trace as published, where the trace folder lies beside the checkout; else empty.
inline std::string published_conversation() {
  const char* path = "../shared/traces/conversation_trace.jsonl";
  return std::filesystem::exists(path) ? path : "";
}

}  // namespace infbench::trace
