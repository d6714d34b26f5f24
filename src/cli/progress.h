// Progress: one line on stderr that rewrites itself, for runs of more than a second on a terminal; elsewhere it is silent.
// Owns nothing but the line; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace infbench::cli {

// What is counted. Amounts are divided by `scale` and shown with `decimals`.
struct ProgressUnit {
  std::string_view name = "requests";
  double scale = 1;
  int decimals = 0;
};
inline constexpr ProgressUnit kMegabytes{.name = "MB", .scale = 1e6, .decimals = 1};

// "qwen3: 1200 of 12031 requests, 800 requests/s, 0:14 left"; an `all` of 0 is not known.
std::string progress_text(std::string_view label, const ProgressUnit& unit, std::size_t done, std::size_t all,
                          double elapsed_s);

// "1:05"; below zero: "0:00".
std::string minutes_text(double s);

class Progress {
 public:
  explicit Progress(std::string label, ProgressUnit unit = {});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // wipes the line

  void operator()(std::size_t done, std::size_t all);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  ProgressUnit unit_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace infbench::cli
