// A run as JSON, as `simulate --json`, `compare --json` and summary.json have it. Pure, usable from any thread.
#pragma once

#include <optional>
#include <string>

#include "base/json_writer.h"
#include "measure/run.h"

namespace infbench::measure {

// One object. A figure without samples is null; fractions are from 0 to 1, latencies in ms. `wall_s` and `cpu_s` only with
// `cost`; an object "live" only with `live`.
void write_run(JsonWriter& json, const RunInfo& info, const Summary& summary, const HostCost* cost,
               const LiveFigures* live = nullptr);

// summary.json: the same object without the cost, with a final newline.
std::string summary_json(const RunInfo& info, const Summary& summary, const LiveFigures* live = nullptr);

// host.json: what differs from run to run and host to host, with a final newline.
std::string host_json(const HostCost& cost);

}  // namespace infbench::measure
