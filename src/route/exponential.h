// exponential(): e^x from + and x alone, so that it has the same bits on every machine, which libm does not promise. Pure.
#pragma once

namespace infbench::route {

// For x <= 0; relative error below 1e-9 down to -700, 0 below that.
constexpr double exponential(double x) {
  if (!(x > -700)) return 0;
  // e^x = (e^(x / 1024))^1024, and the series of the root ends fast.
  const double y = x / 1024;
  double sum = 1;
  for (int i = 14; i >= 1; --i) sum = 1 + y / i * sum;
  for (int i = 0; i < 10; ++i) sum *= sum;
  return sum;
}

}  // namespace infbench::route
