// Step-time coefficients of other worlds: draws from their uncertainty, as likely as the fitted one, and faster ones. Pure,
// usable from any thread.
#pragma once

#include <cstdint>

#include "cost/step_time.h"

namespace infbench::cost {

// Every time of `fitted` multiplied by 1 + relative_sd x deviation (at least by 0.1), knees as they are. The deviations are
// about normal (the sum of twelve uniform numbers, minus six), one for each coefficient of its own, and depend on `draw` and
// the coefficient's place alone: what is drawn for one GPU or TP is drawn for all. No libm, the same bits everywhere.
Coefficients drawn(const Coefficients& fitted, double relative_sd, std::uint64_t draw);

// Every time of `fitted` divided by `factor` (above 0), as `serve --time-scale` does; knees as they are.
Coefficients sped_up(const Coefficients& fitted, double factor);

}  // namespace infbench::cost
