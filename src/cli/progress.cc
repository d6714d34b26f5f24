#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace infbench::cli {
namespace {

constexpr auto kQuietFor = std::chrono::seconds(1);
constexpr auto kBetween = std::chrono::milliseconds(200);

}  // namespace

Progress::Progress(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1), start_(Clock::now()), last_(start_) {}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "\r\033[K");
}

void Progress::operator()(std::size_t done, std::size_t all) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (now - start_ < kQuietFor || now - last_ < kBetween) return;
  last_ = now;
  shown_ = true;
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  const double left_s = done > 0 ? elapsed_s * static_cast<double>(all - done) / static_cast<double>(done) : 0;
  fmt::print(stderr, "\r{}: {} of {} requests, {:.0f} s left\033[K", label_, done, all, left_s);
  std::fflush(stderr);
}

}  // namespace infbench::cli
