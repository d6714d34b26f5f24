// A text/event-stream in pieces, against the simplest reading of its rules.
#include "net/sse.h"

#include <optional>

#include "support.h"

namespace infbench::fuzz {
namespace {

std::vector<std::string> in_pieces(const std::vector<std::string_view>& pieces) {
  net::SseSplitter splitter;
  std::vector<std::string> all;
  std::vector<std::string_view> events;
  for (const std::string_view piece : pieces) {
    const std::string copy(piece);  // so that a view into an earlier piece is a fault
    events.clear();
    require(splitter.feed(copy, events), "no event is too long");
    all.insert(all.end(), events.begin(), events.end());
  }
  return all;
}

// Ends at the last line that has ended; a CR at the very end may be half of a CRLF.
std::vector<std::string> line_by_line(std::string_view text) {
  std::vector<std::string> events;
  std::optional<std::string> data;
  while (true) {
    const std::size_t end = text.find_first_of("\r\n");
    if (end == std::string_view::npos) return events;
    if (text[end] == '\r' && end + 1 == text.size()) return events;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
    if (line.empty()) {
      if (data) events.push_back(*data);
      data.reset();
    } else if (line == "data" || line.starts_with("data:")) {
      line.remove_prefix(std::min<std::size_t>(5, line.size()));
      if (line.starts_with(' ')) line.remove_prefix(1);
      data = data ? *data + "\n" + std::string(line) : std::string(line);
    }
  }
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench::fuzz;
  const std::string_view text = text_of(data, size);
  const auto expected = line_by_line(text);
  require(in_pieces({text}) == expected, "the events are those of the rules");
  require(in_pieces(pieces_of(text)) == expected, "however the stream is cut");
  return 0;
}
