#include "net/sse.h"

#include <algorithm>

namespace infbench::net {
namespace {

// The line breaks of a text, found one after the other: every byte is looked at once for LF and once for CR.
class Breaks {
 public:
  explicit Breaks(std::string_view text) : text_(text) {}

  // The first break at `from` or later, or the text's size. `from` never goes back.
  std::size_t next(std::size_t from) {
    if (!begun_ || line_feed_ < from) line_feed_ = std::min(text_.find('\n', from), text_.size());
    if (!begun_ || carriage_return_ < from) carriage_return_ = std::min(text_.find('\r', from), text_.size());
    begun_ = true;
    return std::min(line_feed_, carriage_return_);
  }

 private:
  std::string_view text_;
  bool begun_ = false;
  std::size_t line_feed_ = 0;
  std::size_t carriage_return_ = 0;
};

// Where the event ends in which a line begins at `line`: the place after its empty line. npos: not in `text`; then `line` is
// where the last line begins. A CR at the very end may be half of a CRLF, so it does not count yet.
std::size_t end_of_event(std::string_view text, Breaks& breaks, std::size_t& line) {
  while (true) {
    const std::size_t brk = breaks.next(line);
    if (brk == text.size()) return std::string_view::npos;
    std::size_t next = brk + 1;
    if (text[brk] == '\r') {
      if (next == text.size()) return std::string_view::npos;
      if (text[next] == '\n') ++next;
    }
    if (brk == line) return next;
    line = next;
  }
}

}  // namespace

bool SseSplitter::feed(std::string_view piece, std::vector<std::string_view>& events) {
  multiline_.clear();
  if (!rest_.empty()) {
    // Finish the event begun earlier first. Its end may straddle the pieces, so it is looked for in both together.
    const std::size_t before = rest_.size();
    rest_ += piece;
    Breaks breaks(rest_);
    const std::size_t end = end_of_event(rest_, breaks, line_);
    if (end == std::string_view::npos) return rest_.size() <= kLongestEvent;
    joined_.swap(rest_);  // the event's data are a view into it
    if (!take_event(std::string_view(joined_).substr(0, end), events)) return false;
    piece.remove_prefix(end - std::min(end, before));
  }
  Breaks breaks(piece);
  std::size_t begin = 0;
  line_ = 0;
  for (std::size_t end = 0; (end = end_of_event(piece, breaks, line_)) != std::string_view::npos; begin = line_ = end) {
    if (!take_event(piece.substr(begin, end - begin), events)) return false;
  }
  line_ -= begin;
  rest_ = piece.substr(begin);
  return rest_.size() <= kLongestEvent;
}

bool SseSplitter::take_event(std::string_view block, std::vector<std::string_view>& events) {
  if (block.size() > kLongestEvent) return false;
  std::string_view data;
  int data_lines = 0;
  Breaks breaks(block);
  for (std::size_t begin = 0; begin < block.size();) {
    const std::size_t end = breaks.next(begin);
    std::string_view line = block.substr(begin, end - begin);
    begin = end + 1;
    if (line.substr(0, 4) != "data" || (line.size() > 4 && line[4] != ':')) continue;
    line.remove_prefix(std::min<std::size_t>(5, line.size()));
    if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (++data_lines == 1) {
      data = line;
      continue;
    }
    if (data_lines == 2) multiline_.emplace_back(data);
    multiline_.back().append("\n").append(line);
  }
  if (data_lines == 1) events.push_back(data);
  if (data_lines > 1) events.push_back(multiline_.back());
  return true;
}

}  // namespace infbench::net
