// Progress: one line on stderr that rewrites itself, for runs of more than a second on a terminal; elsewhere it is silent.
// Owns nothing but the line; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace infbench::cli {

class Progress {
 public:
  explicit Progress(std::string label);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // wipes the line

  void operator()(std::size_t done, std::size_t all);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace infbench::cli
