// The events of an OpenAI stream, one a line: what the short way over known bytes says is what the JSON parser says.
#include "live/replay_chunk.h"

#include <algorithm>

#include "support.h"

namespace infbench::fuzz {
namespace {

bool lies_in(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

bool same(const live::Usage& a, const live::Usage& b) {
  return a.prompt == b.prompt && a.completion == b.completion && a.total == b.total && a.cached == b.cached;
}

void check_message(const live::ServerError& error) {
  require(error.message.size() <= 403, "a message is cut to a line");
  require(std::ranges::none_of(error.message, [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
          "a message has no control characters");
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  static live::JsonParser general;
  live::JsonParser of_stream;
  live::StreamReader stream(of_stream);
  for (const std::string_view event : split(text_of(data, size), "\n")) {
    const live::Chunk chunk = stream.read(event);
    require(lies_in(chunk.text, event), "a text is a view into its event");
    check_message(stream.error());
    if (chunk.kind == live::Chunk::Kind::text) static_cast<void>(general.unescaped(chunk.text));
    if (chunk.kind == live::Chunk::Kind::done) continue;
    live::ServerError error;
    const live::Chunk parsed = general.read(event, error);
    check_message(error);
    check_message(general.read_error_body(event));
    if (parsed.kind == live::Chunk::Kind::broken) continue;  // the short way does not look into the string
    require(parsed.kind == chunk.kind && parsed.text == chunk.text && parsed.reasoning == chunk.reasoning, "the same text");
    require(parsed.finished == chunk.finished && parsed.has_usage == chunk.has_usage && same(parsed.usage, chunk.usage),
            "the same end and usage");
  }
  return 0;
}
