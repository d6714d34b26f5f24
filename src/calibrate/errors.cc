#include "calibrate/errors.h"

#include <algorithm>
#include <numeric>

namespace infbench::calibrate {

cost::KindErrors summarise(std::vector<double> percents) {
  if (percents.empty()) return {};
  std::sort(percents.begin(), percents.end());
  const double rank = 0.95 * static_cast<double>(percents.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const double above = percents[std::min(below + 1, percents.size() - 1)];
  return {.rows = static_cast<int>(percents.size()),
          .mape = std::accumulate(percents.begin(), percents.end(), 0.0) / static_cast<double>(percents.size()),
          .p95 = percents[below] + (rank - static_cast<double>(below)) * (above - percents[below]),
          .worst = percents.back()};
}

}  // namespace infbench::calibrate
