// What `srtctl serve` is told. Values, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace infbench::cli {

struct ServeOptions {
  // As python -m sglang.launch_server has them.
  std::string model_path;         // --model-path; need not exist
  std::string served_model_name;  // empty: the model path
  std::string host = "127.0.0.1";
  int port = 30000;
  int tp = 1;
  double mem_fraction_static = 0.9;
  std::int64_t page_size = 1;
  std::optional<std::int64_t> context_length;
  std::int64_t chunked_prefill_size = 8192;  // -1: prompts are not cut
  std::string disaggregation_mode = "null";  // null, prefill, decode
  int bootstrap_port = 8998;
  std::string model_overrides;                       // --json-model-override-args
  std::optional<std::int64_t> max_running_requests;  // not modelled: warned about
  int nodes = 1;                                     // --nnodes: of a worker over several
  int node_rank = 0;                                 // --node-rank: above 0 there is nothing to serve
  std::string without_meaning;                       // values of flags that mean nothing to an engine model
  bool flag_without_meaning = false;

  // Ours.
  int workers = 1;
  int threads = 0;  // 0: as many as there are processors, at most one for a worker
  std::string gpu = "h200";
  std::string precision = "bf16";
  std::string engine = "sglang";
  std::optional<std::int64_t> kv_tokens;
  double time_scale = 1.0;
  bool instant = false;
  std::string truth_log;
  std::string kv_events_config;
  std::string tokenizer;
  double link_gbps = 400;
  double link_us = 10;
  double room_timeout_s = 300;

  std::vector<std::string> unknown;  // engine flags that nothing is known about, with their values
};

}  // namespace infbench::cli
