#include "launch/log_tail.h"

#include <fstream>
#include <iterator>

namespace infbench::launch {

std::vector<std::string> LogTail::new_lines() {
  std::ifstream in(path_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(read_));
  if (!in) return {};
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  read_ += bytes.size();
  rest_ += bytes;
  std::vector<std::string> lines;
  for (std::size_t end = rest_.find_first_of("\r\n"); end != std::string::npos; end = rest_.find_first_of("\r\n")) {
    if (end > 0) lines.push_back(rest_.substr(0, end));
    rest_.erase(0, end + 1);
  }
  return lines;
}

}  // namespace infbench::launch
