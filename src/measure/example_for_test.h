// A run of five requests whose every figure is worked out by hand in the tests of measure/ and report/. For tests only.
#pragma once

#include <vector>

#include "measure/run.h"

namespace infbench::measure {

inline Time at_ms(std::int64_t ms) { return Time{} + milliseconds(ms); }

inline Slo example_slo() { return {.ttft = milliseconds(2000), .itl = milliseconds(25)}; }

inline RequestRecord example_success(std::uint32_t request, std::int64_t sent_ms, std::int64_t first_ms, std::int64_t end_ms,
                                     Tokens output, std::uint32_t worker) {
  RequestRecord r;
  r.request = {request};
  r.scheduled = r.sent = at_ms(sent_ms);
  r.first_token = at_ms(first_ms);
  r.end = at_ms(end_ms);
  r.output = r.output_asked = output;
  r.worker = WorkerId{worker};
  return r;
}

inline RequestRecord example_error(std::uint32_t request, std::int64_t sent_ms, Tokens input) {
  RequestRecord r;
  r.request = {request};
  r.scheduled = r.sent = at_ms(sent_ms);
  r.end = r.sent;
  r.input = input;
  r.error = "prompt and answer of 200010 tokens are above the context length 131072";
  return r;
}

inline std::vector<RequestRecord> example_records() {
  auto quick = example_success(0, 0, 100, 190, 10, 0);  // TTFT 100, ITL 90 / 9 = 10: good
  quick.second_token = at_ms(110);
  quick.input = 1000;
  quick.cached = 512;
  auto late = example_success(1, 1000, 3500, 3500, 1, 1);  // TTFT 2500: a miss; one token
  late.input = 2000;
  auto single = example_success(2, 2000, 2500, 2500, 1, 0);  // TTFT 500, one token: good for us, a miss for aiperf
  single.input = 3000;
  single.cached = 1024;
  auto slow = example_success(3, 3000, 4000, 4300, 11, 1);  // TTFT 1000, ITL 300 / 10 = 30: a miss
  slow.second_token = at_ms(4030);
  slow.input = 4000;
  slow.cached = 2048;
  return {quick, late, single, slow, example_error(4, 4000, 200'000)};
}

inline std::vector<WorkerInfo> example_workers() {
  return {{.name = "agg_0", .role = Role::aggregated, .kv_capacity = 10'000, .kv_peak = 5'000},
          {.name = "agg_1", .role = Role::aggregated, .kv_capacity = 10'000, .kv_peak = 7'500}};
}

inline RunInfo example_info() {
  RunInfo info;
  info.generator = "infbench test";
  info.recipe = "agg-round-robin";
  info.recipe_path = "recipies/agg-round-robin.yaml";
  info.policy = "round_robin";
  info.topology = "2 workers, TP2";
  info.model = "Qwen/Qwen3-32B";
  info.gpus = 4;
  info.trace = "conversation_trace.jsonl";
  info.trace_sha256 = "b8cb";
  info.seed = 42;
  return info;
}

inline RunResult example_run() {
  return {.info = example_info(),
          .summary = summarize(example_records(), example_slo(), example_workers(), 4),
          .cost = {.wall_s = 0.5, .cpu_s = 0.25}};
}

}  // namespace infbench::measure
