#include "measure/run.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/json_writer.h"

namespace infbench::measure {

std::string benchmark_id(const RunInfo& info, const Slo& slo) {
  // As JSON, so that no two lists of inputs give the same text.
  std::string inputs;
  JsonWriter json(inputs);
  json.begin_array();
  json.value(info.recipe);
  json.begin_array();
  for (const std::string& override : info.overrides) json.value(override);
  json.end_array();
  json.value(info.policy);
  json.value(info.topology);
  json.value(info.model);
  json.value(info.gpus);
  json.value(info.trace);
  json.value(info.trace_sha256);
  json.value(info.stand_in_trace);
  json.value(info.speed);
  json.value(info.seed);
  json.value(info.inputs_hash);
  json.value(info.simulated);
  json.value(slo.ttft.ns);
  json.value(slo.itl.ns);
  json.end_array();
  return fmt::format("{:012x}", hash_bytes(inputs) >> 16U);
}

}  // namespace infbench::measure
