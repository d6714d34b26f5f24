// Non-negative least squares for a handful of unknowns, from the normal equations. Pure; the same bits on every machine (plain
// sums, products, quotients and square roots, in one order).
#pragma once

#include <array>
#include <cstddef>

namespace infbench::calibrate {

inline constexpr std::size_t kUnknowns = 11;
using Vector = std::array<double, kUnknowns>;

// The sums that a least-squares problem boils down to: minimise x'Ax - 2 b'x.
class NormalEquations {
 public:
  // weight x (features' x - target)^2 more.
  void add(const Vector& features, double target, double weight);
  // The x >= 0 that minimises the sum of what was added. What nothing was said about is 0. (Lawson and Hanson: Solving Least
  // Squares Problems, 1974, chapter 23.)
  Vector solve() const;

 private:
  std::array<Vector, kUnknowns> a_{};  // the lower triangle
  Vector b_{};
};

}  // namespace infbench::calibrate
