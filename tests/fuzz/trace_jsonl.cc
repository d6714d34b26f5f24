// A trace as JSON lines, with literal prompts.
#include "live/literal_tokens.h"
#include "support.h"
#include "trace/read.h"
#include "trace/write.h"

namespace infbench::fuzz {
namespace {

trace::ReadOptions options() {
  trace::ReadOptions options;
  options.count = [](trace::PromptKind kind, std::string_view json) { return live::count_literal(words(), kind, json); };
  return options;
}

Result<trace::ReadTrace> read_in_pieces(std::string_view text) {
  trace::TraceReader reader("t.jsonl", options());
  for (const std::string_view piece : pieces_of(text)) {
    if (!reader.feed(piece)) break;
  }
  return reader.finish();
}

void check_rows(const trace::Trace& trace) {
  Time before;
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    const trace::Request request = trace.request({i});
    require(request.at >= before, "rows are in order of time, from 0 on");
    require(static_cast<std::int64_t>(request.blocks.size()) == trace::blocks_of(request.new_input), "a block per 512 tokens");
    require(request.new_input > 0 && request.input >= request.new_input && request.output > 0, "lengths are above 0");
    require(!request.previous || request.previous->value < i, "a turn comes after the one before it");
    before = request.at;
  }
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  const std::string_view text = text_of(data, size);
  const auto whole = trace::read_trace_text(text, "t.jsonl", options());
  const auto in_pieces = read_in_pieces(text);
  require(whole.has_value() == in_pieces.has_value(), "it makes no difference how a trace is cut");
  if (!whole) {
    check_errors(whole.error(), text);
    require(format_errors(whole.error()) == format_errors(in_pieces.error()), "nor to its errors");
    return 0;
  }
  check_rows(whole->trace);
  const std::string written = trace::to_jsonl(whole->trace);
  require(written == trace::to_jsonl(in_pieces->trace), "nor to its rows");
  const auto again = trace::read_trace_text(written, "t.jsonl", options());
  require(again.has_value(), "what was written can be read");
  require(trace::to_jsonl(again->trace) == written, "and is the same");
  return 0;
}
