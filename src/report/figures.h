// The figures that the terminal report shows of a run, as a table: how each is called, read from a Summary, written, and which
// way is better. Constant data, usable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "measure/run.h"

namespace infbench::report {

enum class Better : std::uint8_t { higher, lower, neither };

struct Figure {
  std::string_view name;  // with its unit
  int decimals = 0;
  Better better = Better::neither;
  bool is_fraction = false;  // read as 0..1, shown as 0..100; differences are points
  bool compared = true;      // whether a difference between two runs says anything
  std::optional<double> (*of)(const measure::RunResult&) = nullptr;
};

// Counts, goodput and limits first, then throughput; latencies apart, since one run shows them as a table of their own.
std::span<const Figure> goodput_figures();
std::span<const Figure> throughput_figures();
std::span<const Figure> cost_figures();

struct Latency {
  std::string_view name;  // "TTFT"
  measure::Stats measure::Summary::*stats = nullptr;
  int decimals = 1;
};
std::span<const Latency> latencies();

struct LatencyFigure {
  std::string_view name;  // "p50"
  double measure::Stats::*value = nullptr;
};
std::span<const LatencyFigure> latency_figures();  // mean p50 p90 p99 max

// "-" where there is no value. What does not fit into `room` columns loses its decimals, then its commas.
std::string text_of(std::optional<double> value, const Figure& figure, std::size_t room);

}  // namespace infbench::report
