// The metrics of a single request that only HTTP has: timings of its connection and bytes, the server's counts, and how far
// these are from what was asked for and counted. One table, read by Summary (their distributions) and by the lines of
// profile_export.jsonl. Names, units and formulas are aiperf's. Constant data and pure functions, usable from any thread.
#pragma once

#include <optional>
#include <span>

#include "measure/record.h"
#include "measure/stats.h"
#include "measure/summary.h"

namespace infbench::measure {

struct RecordMetric {
  Stats Summary::*stats;                              // its distribution; tag, name and unit are that metric's (metric_table.h)
  std::optional<double> (*of)(const RequestRecord&);  // of a request that succeeded and has HttpExchange; none: it has no value
};
std::span<const RecordMetric> http_record_metrics();

// aiperf's limits: an answer whose length is further from the length asked for than 5 % or 50 tokens is a mismatch, a server's
// count further than 10 % from the client's a discrepancy.
bool is_osl_mismatch(const RequestRecord& record);
bool is_usage_discrepancy(const RequestRecord& record);

// Fills what the table names, the two counts, and the usage_* figures; does nothing when no record has HttpExchange.
void fill_http_metrics(std::span<const RequestRecord> records, Summary& summary);

}  // namespace infbench::measure
