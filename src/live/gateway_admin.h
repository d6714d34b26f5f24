// What the gateway tells about itself, as JSON, with the names of sglang-router 0.3.2. Pure, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "live/gateway.h"

namespace infbench::live {

std::string workers_json(const Gateway& gateway);          // GET /workers
std::string readiness_json(const Gateway& gateway);        // GET /readiness
bool is_ready(const Gateway& gateway);                     // every role has a worker that is up
std::string loads_json(const Gateway& gateway, Time now);  // GET /get_loads: tokens that each worker is believed to hold

// The body of POST /workers: {"url": ..., "worker_type": "regular|prefill|decode", "bootstrap_port": N}.
Result<UpstreamSettings> read_worker(std::string_view json, bool disaggregated);

}  // namespace infbench::live
