#include "cli/replay_progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "cli/progress.h"

namespace infbench::cli {
namespace {

constexpr Duration kBetweenLines = seconds(10);

}  // namespace

ReplayProgressLine::ReplayProgressLine(bool wanted, std::string phase, Slo slo, Duration schedule)
    : wanted_(wanted), phase_(std::move(phase)), terminal_(isatty(STDERR_FILENO) == 1), slo_(slo), schedule_(schedule) {}

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
  const double rate = p.elapsed.ns > 0 ? static_cast<double>(p.done) / to_s(p.elapsed) : 0;
  return fmt::format("{}: {} of {} sent, {} in flight, {} done, {:.1f}/s, {} errors, goodput {}, {} left",
                     p.sent < p.requests ? phase_ : "waiting for the last answers", p.sent, p.requests, p.in_flight, p.done,
                     rate, p.errors, goodput, minutes_text(to_s(left)));
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
