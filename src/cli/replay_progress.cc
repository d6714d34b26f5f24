#include "cli/replay_progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace infbench::cli {
namespace {

constexpr Duration kBetweenLines = seconds(10);

std::string minutes_text(Duration duration) {
  const std::int64_t s = std::max<std::int64_t>(0, (duration.ns + 500'000'000) / 1'000'000'000);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

ReplayProgressLine::ReplayProgressLine(bool wanted, Slo slo, Duration schedule)
    : wanted_(wanted), terminal_(isatty(STDERR_FILENO) == 1), slo_(slo), schedule_(schedule) {}

ReplayProgressLine::~ReplayProgressLine() {
  if (shown_ && terminal_) fmt::print(stderr, "\r\033[K");
}

void ReplayProgressLine::on_record(const measure::RequestRecord& record) {
  ++judged_;
  const bool good = succeeded(record) && ttft_within(record, slo_.ttft) && itl_within(record, slo_.itl);
  good_ += good ? 1 : 0;
}

std::string ReplayProgressLine::text(const live::ReplayProgress& p) const {
  Duration left{};
  if (schedule_.ns > 0) {
    left = schedule_ - p.elapsed;
  } else if (p.done > 0) {
    left = {static_cast<std::int64_t>(static_cast<double>(p.elapsed.ns) * static_cast<double>(p.requests - p.done) /
                                      static_cast<double>(p.done))};
  }
  const std::string goodput =
      judged_ == 0 ? "-" : fmt::format("{:.1f} %", 100 * static_cast<double>(good_) / static_cast<double>(judged_));
  return fmt::format("{} of {} sent, {} in flight, {} done, {} errors, goodput {}, {} left", p.sent, p.requests, p.in_flight,
                     p.done, p.errors, goodput, minutes_text(left));
}

void ReplayProgressLine::on_progress(const live::ReplayProgress& progress) {
  if (!wanted_ || progress.elapsed < Duration{}) return;
  if (terminal_) {
    shown_ = true;
    fmt::print(stderr, "\r{}\033[K", text(progress));
    std::fflush(stderr);
    return;
  }
  if (progress.elapsed - last_shown_ < kBetweenLines) return;
  last_shown_ = progress.elapsed;
  fmt::print(stderr, "{}\n", text(progress));
}

}  // namespace infbench::cli
