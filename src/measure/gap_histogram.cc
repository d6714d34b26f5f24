#include "measure/gap_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace infbench::measure {

// Below 2^(kBits + 1) ns every nanosecond has its bucket; above, the top kBits + 1 bits name it.
std::size_t GapHistogram::bucket_of(std::uint64_t ns) {
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  if (width <= kBits + 1) return ns;
  const unsigned shift = width - (kBits + 1);
  return (std::size_t{shift} << kBits) + (ns >> shift);
}

double GapHistogram::middle_ns(std::size_t bucket) {
  constexpr std::size_t kExact = std::size_t{2} << kBits;
  if (bucket < kExact) return static_cast<double>(bucket);
  const std::size_t shift = (bucket >> kBits) - 1;
  const std::size_t mantissa = bucket - (shift << kBits);
  const auto width = static_cast<double>(std::uint64_t{1} << shift);
  return (static_cast<double>(mantissa) + 0.5) * width;
}

void GapHistogram::add(Duration gap) {
  const std::int64_t ns = std::max<std::int64_t>(gap.ns, 0);
  const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(ns));
  if (bucket >= counts_.size()) counts_.resize(std::max(bucket + 1, counts_.size() * 2));
  ++counts_[bucket];
  ++count_;
  min_ns_ = std::min(min_ns_, ns);
  max_ns_ = std::max(max_ns_, ns);
  const auto exact = static_cast<double>(ns);
  sum_ns_ += exact;
  squares_ms2_ += (exact / 1e6) * (exact / 1e6);
}

void GapHistogram::merge(const GapHistogram& other) {
  if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ns_ = std::min(min_ns_, other.min_ns_);
  max_ns_ = std::max(max_ns_, other.max_ns_);
  sum_ns_ += other.sum_ns_;
  squares_ms2_ += other.squares_ms2_;
}

double GapHistogram::percentile_ns(double percent) const {
  const auto rank = static_cast<std::uint64_t>(std::llround(static_cast<double>(count_ - 1) * (percent / 100)));
  std::uint64_t before = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    before += counts_[bucket];
    if (before <= rank) continue;
    return std::clamp(middle_ns(bucket), static_cast<double>(min_ns_), static_cast<double>(max_ns_));
  }
  return static_cast<double>(max_ns_);
}

Stats GapHistogram::stats_ms() const {
  if (count_ == 0) return {};
  Stats stats;
  const auto n = static_cast<double>(count_);
  stats.count = count_;
  stats.sum = sum_ns_ / 1e6;
  stats.avg = stats.sum / n;
  stats.std = std::sqrt(std::max(0.0, squares_ms2_ / n - stats.avg * stats.avg));
  stats.min = static_cast<double>(min_ns_) / 1e6;
  stats.max = static_cast<double>(max_ns_) / 1e6;
  fill_percentiles(stats, [this](double percent) { return percentile_ns(percent) / 1e6; });
  return stats;
}

}  // namespace infbench::measure
