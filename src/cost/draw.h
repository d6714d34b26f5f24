// Draws of step-time coefficients from their uncertainty: worlds as likely as the fitted one. Pure, usable from any thread.
#pragma once

#include <cstdint>

#include "cost/step_time.h"

namespace infbench::cost {

// Every time of `fitted` multiplied by 1 + relative_sd x deviation (at least by 0.1), knees as they are. The deviations are
// about normal (the sum of twelve uniform numbers, minus six), one for each coefficient of its own, and depend on `draw` and
// the coefficient's place alone: what is drawn for one GPU or TP is drawn for all. No libm, the same bits everywhere.
Coefficients drawn(const Coefficients& fitted, double relative_sd, std::uint64_t draw);

}  // namespace infbench::cost
