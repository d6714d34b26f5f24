#include "calibrate/least_squares.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace infbench::calibrate {
namespace {

using Square = std::array<Vector, kUnknowns>;
using Places = std::vector<std::size_t>;  // unknowns that may be above 0

// Unknowns so alike that only their sum is known must not blow each other up.
constexpr double kRidge = 1e-11;

// a x = b for the unknowns of `places` (the diagonal of `a` is 1, the lower triangle holds); the others are 0. By Cholesky.
Vector solve_at(const Square& a, const Vector& b, const Places& places) {
  Square l{};
  Vector y{};
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[std::max(places[i], places[j])][std::min(places[i], places[j])] + (i == j ? kRidge : 0);
      for (std::size_t k = 0; k < j; ++k) sum -= l[i][k] * l[j][k];
      l[i][j] = i == j ? std::sqrt(std::max(sum, kRidge)) : sum / l[j][j];
    }
    double sum = b[places[i]];
    for (std::size_t k = 0; k < i; ++k) sum -= l[i][k] * y[k];
    y[i] = sum / l[i][i];
  }
  Vector x{};
  for (std::size_t i = places.size(); i-- > 0;) {
    double sum = y[i];
    for (std::size_t k = i + 1; k < places.size(); ++k) sum -= l[k][i] * x[places[k]];
    x[places[i]] = sum / l[i][i];
  }
  return x;
}

// The unknown at 0 whose growth lowers the sum most, or kUnknowns.
std::size_t steepest(const Square& a, const Vector& b, const Vector& x, const Places& places) {
  constexpr double kFlat = 1e-10;
  std::size_t best = kUnknowns;
  double most = kFlat;
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    if (a[i][i] == 0 || std::find(places.begin(), places.end(), i) != places.end()) continue;
    double slope = b[i];
    for (std::size_t k = 0; k < kUnknowns; ++k) slope -= a[std::max(i, k)][std::min(i, k)] * x[k];
    if (slope > most) {
      most = slope;
      best = i;
    }
  }
  return best;
}

// From x towards `goal` until the first unknown gets to 0, which then leaves `places`.
void step_towards(const Vector& goal, Vector& x, Places& places) {
  double part = 1;
  for (const std::size_t i : places) {
    if (goal[i] <= 0 && x[i] > goal[i]) part = std::min(part, x[i] / (x[i] - goal[i]));
  }
  for (const std::size_t i : places) x[i] += part * (goal[i] - x[i]);
  std::erase_if(places, [&](std::size_t i) {
    if (goal[i] > 0 || x[i] > 1e-15) return false;
    x[i] = 0;
    return true;
  });
}

}  // namespace

void NormalEquations::add(const Vector& features, double target, double weight) {
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    const double weighted = features[i] * weight;
    if (weighted == 0) continue;
    for (std::size_t j = 0; j <= i; ++j) a_[i][j] += weighted * features[j];
    b_[i] += weighted * target;
  }
}

Vector NormalEquations::solve() const {
  // Unknowns measured in such units that the diagonal is 1.
  Vector unit{};
  for (std::size_t i = 0; i < kUnknowns; ++i) unit[i] = a_[i][i] > 0 ? 1 / std::sqrt(a_[i][i]) : 0;
  Square a{};
  Vector b{};
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    b[i] = b_[i] * unit[i];
    for (std::size_t j = 0; j <= i; ++j) a[i][j] = a_[i][j] * unit[i] * unit[j];
  }
  Vector x{};
  Places places;
  constexpr int kMostRounds = 100;  // it takes about as many as there are unknowns; rounding must not make it go round for ever
  for (int round = 0; round < kMostRounds; ++round) {
    const std::size_t next = steepest(a, b, x, places);
    if (next == kUnknowns) break;
    places.push_back(next);
    Vector goal = solve_at(a, b, places);
    while (std::any_of(places.begin(), places.end(), [&](std::size_t i) { return goal[i] <= 0; })) {
      const std::size_t before = places.size();
      step_towards(goal, x, places);
      if (places.size() == before) break;
      goal = solve_at(a, b, places);
    }
    for (const std::size_t i : places) x[i] = std::max(goal[i], 0.0);
  }
  for (std::size_t i = 0; i < kUnknowns; ++i) x[i] *= unit[i];
  return x;
}

}  // namespace infbench::calibrate
