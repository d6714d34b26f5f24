#include "measure/stats.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace infbench::measure {
namespace {

constexpr std::size_t kFewSamples = 512;  // fewer than this std::sort handles as fast
constexpr unsigned kDigitBits = 11;
constexpr std::size_t kDigits = 6;  // of 11 bits, in 64
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t digit_of(std::uint64_t key, std::size_t place) { return (key >> (place * kDigitBits)) & (kBuckets - 1); }

// Least significant digit first. The bits of doubles that are not negative sort as the numbers do. A digit that all keys share
// costs nothing, so whole numbers of tokens sort in two or three passes.
void radix_sort(std::vector<double>& samples) {
  std::vector<std::array<std::uint32_t, kBuckets>> counts(kDigits);
  for (const double sample : samples) {
    const auto key = std::bit_cast<std::uint64_t>(sample);
    for (std::size_t place = 0; place < kDigits; ++place) ++counts[place][digit_of(key, place)];
  }
  std::vector<double> other(samples.size());
  for (std::size_t place = 0; place < kDigits; ++place) {
    auto& starts = counts[place];
    if (starts[digit_of(std::bit_cast<std::uint64_t>(samples[0]), place)] == samples.size()) continue;
    std::uint32_t next = 0;
    for (std::uint32_t& start : starts) {
      const std::uint32_t count = start;
      start = next;
      next += count;
    }
    for (const double sample : samples) other[starts[digit_of(std::bit_cast<std::uint64_t>(sample), place)]++] = sample;
    samples.swap(other);
  }
}

// numpy's "nearest": rank rounded half to even.
double percentile_nearest(std::span<const double> sorted, std::int64_t failures, double percent) {
  const auto n = static_cast<std::int64_t>(sorted.size()) + failures;
  const double rank = static_cast<double>(n - 1) * (percent / 100);
  auto index = static_cast<std::int64_t>(rank);
  const double fraction = rank - static_cast<double>(index);
  if (fraction > 0.5 || (fraction == 0.5 && index % 2 == 1)) ++index;
  return index < static_cast<std::int64_t>(sorted.size()) ? sorted[static_cast<std::size_t>(index)] : kInfinity;
}

}  // namespace

void sort_samples(std::vector<double>& samples) {
  const bool keys_sort = std::none_of(samples.begin(), samples.end(), [](double x) { return std::signbit(x); });
  if (samples.size() < kFewSamples || samples.size() > UINT32_MAX || !keys_sort) {
    std::sort(samples.begin(), samples.end());
  } else {
    radix_sort(samples);
  }
}

double percentile_linear(std::span<const double> sorted, double percent) {
  INFBENCH_CHECK(!sorted.empty() && percent >= 0 && percent <= 100);
  const double rank = static_cast<double>(sorted.size() - 1) * (percent / 100);
  const auto below = static_cast<std::size_t>(rank);
  const double a = sorted[below];
  const double b = sorted[std::min(below + 1, sorted.size() - 1)];
  const double t = rank - static_cast<double>(below);
  // From the nearer end, so that t = 1 would give b exactly and percentiles never fall.
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

Stats stats_of(std::span<const double> sorted) {
  if (sorted.empty()) return {};
  Stats stats;
  const auto n = static_cast<double>(sorted.size());
  stats.count = static_cast<std::int64_t>(sorted.size());
  stats.sum = 0;
  for (const double sample : sorted) stats.sum += sample;
  stats.avg = stats.sum / n;
  double squares = 0;
  for (const double sample : sorted) squares += (sample - stats.avg) * (sample - stats.avg);
  stats.std = std::sqrt(squares / n);
  stats.min = sorted.front();
  stats.max = sorted.back();
  fill_percentiles(stats, [&](double percent) { return percentile_linear(sorted, percent); });
  return stats;
}

Stats adjusted_stats_of(std::span<const double> sorted, std::int64_t failures) {
  INFBENCH_CHECK(failures > 0);
  Stats stats;
  stats.count = static_cast<std::int64_t>(sorted.size()) + failures;
  stats.sum = stats.avg = stats.max = kInfinity;
  stats.min = sorted.empty() ? kInfinity : sorted.front();
  fill_percentiles(stats, [&](double percent) { return percentile_nearest(sorted, failures, percent); });
  return stats;
}

}  // namespace infbench::measure
