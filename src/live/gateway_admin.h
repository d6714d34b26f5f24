// What the gateway tells about itself, as JSON, with the names of sglang-router 0.3.2. Pure, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "live/gateway.h"

namespace infbench::live {

std::string workers_json(const Gateway& gateway);                  // GET /workers
std::string worker_json(const Gateway& gateway, WorkerId worker);  // GET /workers/ID
std::string readiness_json(const Gateway& gateway);                // GET /readiness
bool is_ready(const Gateway& gateway);                             // every role has a worker that is up
std::string loads_json(const Gateway& gateway, Time now);  // GET /get_loads: tokens that each worker is believed to hold

// The worker that is listed and has this id or, percent-encoded or not, this address; none: there is no such worker.
std::optional<WorkerId> find_worker(const Gateway& gateway, std::string_view id_or_url);

// 202: what was asked for is accepted.
std::string accepted_json(const Gateway& gateway, WorkerId worker, std::string_view message);

// The body of PUT /workers/ID. Priority, cost and labels choose among models in the original; here there is one, so they are
// taken and change nothing. Anything else is an error.
Result<void> read_worker_update(std::string_view json);

// Every worker has flushed its cache.
std::string flushed_json(std::size_t workers);

// The body of POST /workers: {"url": ..., "worker_type": "regular|prefill|decode", "bootstrap_port": N}.
Result<UpstreamSettings> read_worker(std::string_view json, bool disaggregated);

}  // namespace infbench::live
