// GapHistogram: the distribution of the gaps between tokens of a whole run, in bounded memory.
//
// Buckets grow with the gap: 1,024 to an octave, so a percentile is at most 0.05 % off; count, sum, min and max are exact. Gaps
// of 0 (chunks read together) have a bucket of their own. One owner, one thread; merge() those of several threads afterwards.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "measure/stats.h"

namespace infbench::measure {

class GapHistogram {
 public:
  void add(Duration gap);  // below 0 counts as 0
  void merge(const GapHistogram& other);

  std::int64_t count() const { return count_; }
  // In ms. A percentile is the middle of the bucket that holds its rank (the nearest sample).
  Stats stats_ms() const;

 private:
  static constexpr unsigned kBits = 10;

  static std::size_t bucket_of(std::uint64_t ns);
  static double middle_ns(std::size_t bucket);
  double percentile_ns(double percent) const;

  std::vector<std::uint64_t> counts_;  // as long as needed: at most 56 K
  std::int64_t count_ = 0;
  std::int64_t min_ns_ = INT64_MAX;
  std::int64_t max_ns_ = 0;
  double sum_ns_ = 0;
  double squares_ms2_ = 0;
};

}  // namespace infbench::measure
