// Draws: the same runs repeated in worlds as likely as the fitted one, and which of two is better in how many of them. Pure,
// usable from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "measure/run.h"

namespace infbench::report {

// The order of two runs is decided when one of them is strictly better in this share of the draws, and there were enough draws
// for that to be no accident (five the same way have a chance of 1 in 32 by coin).
inline constexpr double kDecided = 0.95;
inline constexpr std::int64_t kFewestDraws = 5;

struct Draws {
  std::vector<std::string> labels;           // of the runs
  std::vector<std::vector<double>> goodput;  // by run, by draw: fraction of requests; draw k is the same world for all runs
};

struct Order {
  std::size_t a = 0;
  std::size_t b = 0;  // > a
  std::int64_t a_better = 0;
  std::int64_t b_better = 0;
  std::int64_t draws = 0;
  double mean_points = 0;  // a minus b, in points of goodput
  bool decided() const;
};

std::vector<Order> orders_of(const Draws& draws);  // of all pairs

// For the terminal: the goodput of each run over the draws, then the pairs; of more than six runs each against the best.
std::string draws_block(const Draws& draws);

// In a sentence whether the best of these runs is surely above the others; empty unless all were repeated in the same worlds.
std::string certainty(std::span<const measure::RunResult> runs, std::span<const std::string> labels);

// {"draws", "decided_share", "runs": [{"label", "goodput_fraction": {"mean", "sd", "min", "max"}}], "pairs": [...]}.
void write_draws(JsonWriter& json, const Draws& draws);

}  // namespace infbench::report
