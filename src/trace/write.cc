#include "trace/write.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace infbench::trace {
namespace {

void append_ms(Duration duration, std::string& out) {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  fmt::format_to(std::back_inserter(out), "{}", duration.ns / kNsPerMs);
  std::int64_t fraction = duration.ns % kNsPerMs;
  if (fraction == 0) return;
  out += fmt::format(".{:06}", fraction);
  while (out.back() == '0') out.pop_back();
}

void append_blocks(const Trace& trace, const Request& request, std::string& out) {
  fmt::format_to(std::back_inserter(out), "\"input_length\": {}, \"output_length\": {}, \"hash_ids\": [", request.new_input,
                 request.output);
  for (std::size_t i = 0; i < request.blocks.size(); ++i) {
    if (i > 0) out += ", ";
    const fmt::format_int digits(trace.block_id(request.blocks[i]));
    out.append(digits.data(), digits.size());
  }
  out += ']';
}

void append_literal(const Trace& trace, RequestIndex index, const Body& body, std::string& out) {
  out += body.kind == PromptKind::text_input ? "\"text_input\": "
         : body.kind == PromptKind::messages ? "\"messages\": "
                                             : "\"payload\": ";
  std::vector<std::string_view> pieces;
  trace.append_literal(index, pieces);
  for (const std::string_view piece : pieces) out += piece;
  if (!body.tools.empty()) out.append(", \"tools\": ").append(body.tools);
}

}  // namespace

void append_row(const Trace& trace, RequestIndex index, std::string& out) {
  const Request request = trace.request(index);
  const Trace::Original original = trace.original(index);
  out += '{';
  if (original.has_timestamp) {
    out += "\"timestamp\": ";
    append_ms(request.at - Time{}, out);
    out += ", ";
  }
  const Body body = trace.body(index);
  if (body.kind == PromptKind::blocks) {
    append_blocks(trace, request, out);
  } else {
    append_literal(trace, index, body, out);
    if (body.has_output_length) fmt::format_to(std::back_inserter(out), ", \"output_length\": {}", request.output);
  }
  if (!original.session.empty()) out.append(", \"session_id\": ").append(original.session);
  if (original.has_delay) {
    out += ", \"delay\": ";
    append_ms(original.delay, out);
  }
  if (!body.extra.empty()) out.append(", \"extra\": ").append(body.extra);
  if (!original.extra.empty()) out.append(", ").append(original.extra);
  out += "}\n";
}

std::string to_jsonl(const Trace& trace) {
  std::string out;
  for (std::uint32_t i = 0; i < trace.size(); ++i) append_row(trace, {i}, out);
  return out;
}

Result<void> write_trace(const Trace& trace, const std::string& path) {
  constexpr std::size_t kPiece = std::size_t{1} << 20U;
  const auto cannot_write = [&path] {
    return fail(Error{
        .what = fmt::format("cannot write the trace: {}", std::strerror(errno)), .hint = {}, .file = path, .source_line = {}});
  };
  const auto close = [](std::FILE* file) { std::fclose(file); };
  std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "wb"), close);
  if (!file) return cannot_write();
  std::string text;
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    append_row(trace, {i}, text);
    if (text.size() < kPiece && i + 1 < trace.size()) continue;
    if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) return cannot_write();
    text.clear();
  }
  if (std::fclose(file.release()) != 0) return cannot_write();
  return {};
}

}  // namespace infbench::trace
