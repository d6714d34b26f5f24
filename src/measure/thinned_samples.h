// ThinnedSamples: samples of a run that may last for weeks, in bounded memory: up to kMost of them all, then every second one,
// then every fourth, ... so that those kept are spread evenly over the run. Least and most are always those of all. One owner,
// one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "measure/stats.h"

namespace infbench::measure {

class ThinnedSamples {
 public:
  static constexpr std::size_t kMost = 16'384;  // even; at three a second those of an hour and a half

  void add(double value);

  std::int64_t count() const { return count_; }              // of all
  const std::vector<double>& kept() const { return kept_; }  // in order
  // Of those kept; min and max of all.
  Stats stats() const;

 private:
  std::vector<double> kept_;
  std::int64_t count_ = 0;
  std::int64_t stride_ = 1;
  double min_ = 0;
  double max_ = 0;
};

}  // namespace infbench::measure
