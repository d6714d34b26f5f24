// Stats: the figures of one distribution, by numpy's formulas, which aiperf uses. Pure functions and values, usable from any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace infbench::measure {

// Figures of `count` samples; all NaN when there are none. A figure of an error-adjusted distribution may be infinite.
struct Stats {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::int64_t count = 0;
  double sum = kNone;
  double avg = kNone;
  double min = kNone;
  double max = kNone;
  double std = kNone;  // of the population: divided by count
  double p1 = kNone, p5 = kNone, p10 = kNone, p25 = kNone, p50 = kNone, p75 = kNone, p90 = kNone, p95 = kNone, p99 = kNone;

  bool empty() const { return count == 0; }
};

// Sets p1 to p99, each from percentile_of(percent).
template <typename PercentileOf>
void fill_percentiles(Stats& stats, PercentileOf percentile_of) {
  stats.p1 = percentile_of(1);
  stats.p5 = percentile_of(5);
  stats.p10 = percentile_of(10);
  stats.p25 = percentile_of(25);
  stats.p50 = percentile_of(50);
  stats.p75 = percentile_of(75);
  stats.p90 = percentile_of(90);
  stats.p95 = percentile_of(95);
  stats.p99 = percentile_of(99);
}

// Sorts in place, ascending. None may be NaN.
void sort_samples(std::vector<double>& samples);

// Between the two neighbours of rank (n - 1) * percent / 100, linearly (numpy.percentile's default). `sorted` ascending, not
// empty; `percent` from 0 to 100.
double percentile_linear(std::span<const double> sorted, double percent);

Stats stats_of(std::span<const double> sorted);

// The distribution with `failures` more samples of plus infinity, so that failed requests never improve a percentile: each
// percentile is the sample nearest to its rank, of two equally near the one of even rank (numpy.percentile's method "nearest").
Stats adjusted_stats_of(std::span<const double> sorted, std::int64_t failures);

}  // namespace infbench::measure
