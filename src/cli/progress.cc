#include "cli/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace infbench::cli {
namespace {

constexpr auto kQuietFor = std::chrono::seconds(1);
constexpr auto kBetween = std::chrono::milliseconds(200);

}  // namespace

std::string minutes_text(double s) {
  const auto whole = s > 0 ? std::llround(s) : 0;
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string progress_text(std::string_view label, const ProgressUnit& unit, std::size_t done, std::size_t all,
                          double elapsed_s) {
  const auto amount = [&](double of) { return fmt::format("{:.{}f}", of / unit.scale, unit.decimals); };
  const double now = static_cast<double>(done);
  const double rate = elapsed_s > 0 ? now / elapsed_s : 0;
  std::string out = fmt::format("{}: {}", label, amount(now));
  if (all > 0) out += " of " + amount(static_cast<double>(all));
  out += fmt::format(" {}, {} {}/s", unit.name, amount(rate), unit.name);
  if (all >= done && rate > 0) out += fmt::format(", {} left", minutes_text(static_cast<double>(all - done) / rate));
  return out;
}

Progress::Progress(std::string label, ProgressUnit unit)
    : label_(std::move(label)), unit_(unit), terminal_(isatty(STDERR_FILENO) == 1), start_(Clock::now()), last_(start_) {}

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
  fmt::print(stderr, "\r{}\033[K", progress_text(label_, unit_, done, all, elapsed_s));
  std::fflush(stderr);
}

}  // namespace infbench::cli
