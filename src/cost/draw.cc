#include "cost/draw.h"

#include <algorithm>

#include "base/random.h"

namespace infbench::cost {
namespace {

double deviation(Random& random) {
  double sum = 0;
  for (int i = 0; i < 12; ++i) sum += random.unit();
  return sum - 6;
}

// Each time by the next factor.
template <class Factor>
Coefficients multiplied(Coefficients c, Factor factor) {
  for (Ticks* time : {&c.step, &c.prompt_step, &c.decode_step, &c.token, &c.token_beyond[0], &c.token_beyond[1],
                      &c.token_beyond[2], &c.wave, &c.kv_token, &c.kv_token_below_knee, &c.attention_pair}) {
    *time = static_cast<Ticks>(static_cast<double>(*time) * factor() + 0.5);
  }
  c.step = std::max<Ticks>(c.step, 1);
  return c;
}

}  // namespace

Coefficients drawn(const Coefficients& fitted, double relative_sd, std::uint64_t draw) {
  Random random(mix64(draw));
  return multiplied(fitted, [&] { return std::max(0.1, 1 + relative_sd * deviation(random)); });
}

Coefficients sped_up(const Coefficients& fitted, double factor) {
  return multiplied(fitted, [&] { return 1 / factor; });
}

}  // namespace infbench::cost
