#include "net/sse.h"

#include <algorithm>

namespace infbench::net {
namespace {

// Where the event that `text` begins with ends: the place after its empty line. npos: not in `text`. A CR at the very end may be half of a
// CRLF, so it does not count yet.
std::size_t end_of_event(std::string_view text) {
  std::size_t line = 0;
  while (true) {
    const std::size_t brk = text.find_first_of("\r\n", line);
    if (brk == std::string_view::npos) return std::string_view::npos;
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
    joined_ = std::move(rest_);
    rest_.clear();
    const std::size_t before = joined_.size();
    joined_ += piece;
    const std::size_t end = end_of_event(joined_);
    if (end == std::string_view::npos) {
      rest_ = std::move(joined_);
      return rest_.size() <= kLongestEvent;
    }
    if (!take_event(std::string_view(joined_).substr(0, end), events)) return false;
    piece.remove_prefix(end - std::min(end, before));
  }
  for (std::size_t end = end_of_event(piece); end != std::string_view::npos; end = end_of_event(piece)) {
    if (!take_event(piece.substr(0, end), events)) return false;
    piece.remove_prefix(end);
  }
  rest_ = piece;
  return rest_.size() <= kLongestEvent;
}

bool SseSplitter::take_event(std::string_view block, std::vector<std::string_view>& events) {
  if (block.size() > kLongestEvent) return false;
  std::string_view data;
  int data_lines = 0;
  while (!block.empty()) {
    const std::size_t brk = std::min(block.find_first_of("\r\n"), block.size());
    std::string_view line = block.substr(0, brk);
    block.remove_prefix(std::min(brk + 1, block.size()));
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
