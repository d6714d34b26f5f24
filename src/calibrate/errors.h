// What is said of relative errors: mean, 95th percentile, worst. Pure.
#pragma once

#include <vector>

#include "cost/model.h"

namespace infbench::calibrate {

// Of absolute relative errors in per cent; the 95th percentile is interpolated between ranks.
cost::KindErrors summarise(std::vector<double> percents);

}  // namespace infbench::calibrate
