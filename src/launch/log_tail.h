// LogTail: what a log has got since the last look, in whole lines. Owns nothing but the place in the file. One thread.
#pragma once

#include <string>
#include <vector>

namespace infbench::launch {

class LogTail {
 public:
  explicit LogTail(std::string path) : path_(std::move(path)) {}

  // Whole lines since the last call; empty while the file is not there. What a program wrote over with \r counts as a line.
  std::vector<std::string> new_lines();

 private:
  std::string path_;
  std::size_t read_ = 0;
  std::string rest_;
};

}  // namespace infbench::launch
