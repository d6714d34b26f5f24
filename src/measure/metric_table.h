// The metrics of a Summary under aiperf's names: one table with tag, display name and unit of each, read by the exporters; and
// how one is written as JSON. Constant data and pure functions, usable from any thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/json_writer.h"
#include "measure/summary.h"

namespace infbench::measure {

struct Metric {
  std::string_view tag;   // key in JSON
  std::string_view name;  // in the CSV, where the unit follows in brackets
  std::string_view unit;
  bool unit_in_csv = true;
  bool has_count = true;  // of a distribution: its count goes into the files
  // Exactly one of the two: a distribution, or a single value (none when it cannot be told).
  Stats Summary::*stats = nullptr;
  std::optional<double> (*scalar)(const Summary&) = nullptr;
};

// The head metrics in the order in which aiperf writes them into its JSON, then the others.
std::span<const Metric> head_metrics();
std::span<const Metric> further_metrics();

// The figures of a distribution in the order of aiperf's JSON: avg, p1 ... p99, min, max, std; count and sum follow.
struct Figure {
  std::string_view name;
  double Stats::*value;
};
std::span<const Figure> figures();

// The distribution's tag and unit; it must be one of the table's.
const Metric& metric_of(Stats Summary::*stats);

// Adds the metric's member to the object that is open: its unit and its figures that are finite. Nothing when it has none.
void write_metric(JsonWriter& json, const Metric& metric, const Summary& summary);

}  // namespace infbench::measure
