#include "measure/thinned_samples.h"

#include <algorithm>

namespace infbench::measure {

void ThinnedSamples::add(double value) {
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  if (count_++ % stride_ != 0) return;
  if (kept_.size() == kMost) {
    // This one stays: its number is a multiple of kMost strides, so of two.
    for (std::size_t i = 0; i < kMost / 2; ++i) kept_[i] = kept_[2 * i];
    kept_.resize(kMost / 2);
    stride_ *= 2;
  }
  kept_.push_back(value);
}

Stats ThinnedSamples::stats() const {
  std::vector<double> sorted = kept_;
  sort_samples(sorted);
  Stats stats = stats_of(sorted);
  if (stats.empty()) return stats;
  stats.min = min_;
  stats.max = max_;
  return stats;
}

}  // namespace infbench::measure
