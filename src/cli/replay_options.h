// What `srtctl replay` was asked to do, as values, and the table of aiperf's flags that it does not have. Values and constant
// data, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infbench::cli {

// Flags of `aiperf profile` keep their names and meaning; ours stand below them.
struct ReplayOptions {
  std::string model;
  std::vector<std::string> urls;
  std::string endpoint_type = "chat";  // | completions
  std::string input_file;
  std::string dataset_type = "mooncake_trace";
  bool fixed_schedule = false;
  bool no_fixed_schedule = false;
  bool auto_offset = false;
  std::optional<double> start_offset_ms;
  std::optional<double> end_offset_ms;
  bool streaming = false;
  std::string goodput;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> extra_inputs;
  std::vector<std::string> headers;
  std::string api_key;
  std::string tokenizer;
  std::string artifact_dir = "artifacts";
  std::string export_prefix;
  std::string export_level = "records";  // | summary | raw
  double request_timeout_s = 21600;
  std::uint32_t warmup_requests = 0;
  std::optional<int> warmup_concurrency;
  std::optional<int> concurrency;
  std::optional<double> request_rate;
  std::string request_rate_mode = "poisson";  // | constant
  std::optional<std::uint32_t> requests;
  std::optional<double> duration_s;
  double grace_s = 30;
  std::optional<double> slice_s;
  bool server_metrics = false;  // the flag was given, perhaps with addresses
  std::vector<std::string> server_metrics_urls;
  bool no_server_metrics = false;
  bool use_server_token_count = false;
  bool legacy_max_tokens = false;
  std::string ui = "simple";  // | dashboard | none
  std::optional<int> workers_max;
  std::optional<std::int64_t> isl;
  std::optional<std::int64_t> osl;

  double speed = 1.0;
  std::string synthetic;             // isl=I,osl=O
  std::vector<std::string> require;  // FIGURE>=X or FIGURE<=X
  double wait_for_model_s = 0;
  bool ignore_eos = false;
  bool no_ignore_eos = false;
  std::string prompt_format = "text";  // | token-ids
  double max_lag_ms = 20;
  double max_error_fraction = 0.01;
  double max_truncated_fraction = 0.01;
  int gpus = 0;
  bool json = false;

  std::string command_line;  // with secrets blotted out
};

// A flag of aiperf's that replay does not have, and what to do instead; one that ends with '-' stands for all that begin so.
struct RefusedFlag {
  std::string_view name;
  std::string_view hint;
};
std::span<const RefusedFlag> refused_aiperf_flags();

// Why the arguments that no option of replay took are wrong, each flag by name. `known`: the options there are.
std::vector<std::string> refuse(const std::vector<std::string>& rest, const std::vector<std::string_view>& known);

}  // namespace infbench::cli
