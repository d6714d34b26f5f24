// KV capacity from rows of how many tokens of KV fit a worker: columns system, tp, backend, mem_fraction, max_num_tokens (of a
// prefill step), capacity_GiB, weights_GiB, runtime_GiB, kv_bytes_per_token_per_gpu, kv_tokens. Pure but for reading the file.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "base/result.h"
#include "cost/architecture.h"
#include "cost/model.h"

namespace infbench::calibrate {

using Deployment = std::tuple<std::string, int, std::string>;  // GPU, TP, engine

// The bytes that give kv_tokens of every row of a deployment exactly. Tables print GiB to two places; weights are counted from
// the architecture, and of the communication and activation bytes that the token counts leave open the middle is taken. Errors:
// cells that mean nothing, weights of another model, counts that no such bytes give, all with their places.
Result<std::map<Deployment, cost::KvCapacity>> read_kv_capacities(const std::string& path,
                                                                  const cost::Architecture& architecture);

}  // namespace infbench::calibrate
