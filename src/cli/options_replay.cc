// The flags of `srtctl replay`: see options.h. A file of its own, since CLI11 is slow to compile and these are many.
#include "cli/options_replay.h"

#include <CLI/CLI.hpp>

#include "cli/options_key.h"
#include "cli/options_rules.h"
#include "recipe/text_rules.h"

namespace infbench::cli {
namespace {

CLI::Validator above_zero() { return number(1e-9, 1e12); }
CLI::Validator file_name() {
  return CLI::Validator([](const std::string& text) { return std::string(recipe::check_file_name(text)); }, "");
}
CLI::Validator tokens() { return whole_number(1, 100'000'000); }

void add_what_to_send(CLI::App& replay, ReplayOptions& o) {
  const std::string group = "What to send (names and meaning as in aiperf profile, unless marked *)";
  replay.add_option("--input-file", o.input_file, "Trace to replay: Mooncake JSONL")->type_name("FILE")->group(group);
  replay.add_option("--custom-dataset-type", o.dataset_type, "Format of the trace")
      ->check(one_of({"mooncake_trace"}))
      ->capture_default_str()
      ->group(group);
  replay.add_option("--synthetic", o.synthetic, "* Instead of a trace: prompts of I and answers of O tokens")
      ->type_name("isl=I,osl=O")
      ->group(group);
  replay.add_option("--synthetic-input-tokens-mean,--prompt-input-tokens-mean,--isl", o.isl, "The same, I")
      ->check(tokens())
      ->group(group);
  replay.add_option("--output-tokens-mean,--prompt-output-tokens-mean,--osl", o.osl, "The same, O")
      ->check(tokens())
      ->group(group);
  replay.add_option("--request-count,--num-requests", o.requests, "Send so many requests")
      ->check(whole_number(1, kMostRequests))
      ->group(group);
  replay.add_option("--random-seed", o.seed, "Seed of prompts and of random gaps; default: drawn")
      ->check(whole_number(0))
      ->group(group);
  replay.add_option("--tokenizer", o.tokenizer, "Folder or tokenizer.json to choose the words of prompts from")->group(group);
  replay.add_option("--prompt-format", o.prompt_format, "* Prompts as text or as token ids (completions only)")
      ->check(one_of({"text", "token-ids"}))
      ->capture_default_str()
      ->group(group);
  replay.add_option("--extra-inputs", o.extra_inputs, "KEY:VALUE or JSON object that goes into each body")->group(group);
  replay.add_flag("--ignore-eos", o.ignore_eos, "* Answers as long as the trace says; the default when there is a length")
      ->group(group);
  replay.add_flag("--no-ignore-eos", o.no_ignore_eos, "* Answers end where the model ends them")->group(group);
  replay.add_flag("--use-legacy-max-tokens", o.legacy_max_tokens, "max_tokens instead of max_completion_tokens")->group(group);
}

void add_when(CLI::App& replay, ReplayOptions& o) {
  const std::string group = "When to send";
  replay.add_flag("--fixed-schedule", o.fixed_schedule, "On the trace's own timestamps; the default with a trace")
      ->group(group);
  replay.add_flag("--no-fixed-schedule", o.no_fixed_schedule, "Its requests, but not its timestamps")->group(group);
  replay.add_flag("--fixed-schedule-auto-offset", o.auto_offset, "The first timestamp is the start; the default")->group(group);
  replay.add_option("--fixed-schedule-start-offset", o.start_offset_ms, "Only from this timestamp on, which is the start")
      ->check(number(0, 4e12))
      ->type_name("MS")
      ->group(group);
  replay.add_option("--fixed-schedule-end-offset", o.end_offset_ms, "Only up to this timestamp, inclusive")
      ->check(number(0, 4e12))
      ->type_name("MS")
      ->group(group);
  replay.add_option("--speed", o.speed, "* The same requests X times as fast")
      ->check(speed())
      ->capture_default_str()
      ->type_name("X")
      ->group(group);
  replay.add_option("--concurrency", o.concurrency, "At most so many requests in flight")
      ->check(whole_number(1, 1'000'000))
      ->group(group);
  replay.add_option("--request-rate", o.request_rate, "So many requests per second")->check(above_zero())->group(group);
  replay.add_option("--request-rate-mode,--arrival-pattern", o.request_rate_mode, "Gaps drawn at random, or constant")
      ->check(one_of({"poisson", "constant"}))
      ->capture_default_str()
      ->group(group);
  replay.add_option("--benchmark-duration", o.duration_s, "Nothing is sent later")
      ->check(above_zero())
      ->type_name("S")
      ->group(group);
  replay.add_option("--benchmark-grace-period", o.grace_s, "Time for what is in flight then")
      ->check(number(0, 1e12))
      ->capture_default_str()
      ->type_name("S")
      ->group(group);
  replay.add_option("--warmup-request-count,--num-warmup-requests", o.warmup_requests, "Requests before it, not counted")
      ->check(whole_number(0, kMostRequests))
      ->group(group);
  replay.add_option("--warmup-concurrency", o.warmup_concurrency, "Of these, so many at once; default: --concurrency, else 1")
      ->check(whole_number(1, 1'000'000))
      ->group(group);
}

void add_where(CLI::App& replay, ReplayOptions& o) {
  const std::string group = "Where to";
  replay.add_option("-m,--model,--model-names", o.model, "Model to ask for")->required()->group(group);
  replay.add_option("-u,--url", o.urls, "Server; several are used in turn. Default: localhost:8000")->group(group);
  replay.add_option("--url-strategy")
      ->description("How to choose among several")
      ->check(one_of({"round-robin", "round_robin"}))
      ->group(group);
  replay.add_option("--endpoint-type", o.endpoint_type, "chat or completions")
      ->check(one_of({"chat", "completions"}))
      ->capture_default_str()
      ->group(group);
  replay.add_flag("--streaming", o.streaming, "Answers as streams: needed for TTFT and ITL")->group(group);
  replay.add_option("-H,--header", o.headers, "NAME:VALUE that goes with each request")->group(group);
  add_api_key(replay, o.api_key, "Authorization: Bearer KEY")->group(group);
  replay.add_option("--request-timeout-seconds", o.request_timeout_s, "A request that takes longer has failed")
      ->check(above_zero())
      ->capture_default_str()
      ->group(group);
  replay.add_option("--wait-for-model,--wait-for-model-timeout", o.wait_for_model_s, "* Wait so long until the server has it")
      ->check(number(0, 1e12))
      ->type_name("S")
      ->group(group);
  replay.add_option("--workers-max,--max-workers", o.workers_max, "Threads that send; default: by processors")
      ->check(whole_number(1, 256))
      ->group(group);
}

void add_results(CLI::App& replay, ReplayOptions& o) {
  const std::string group = "Results";
  replay.add_option("--goodput", o.goodput, "Limits: \"time_to_first_token:MS inter_token_latency:MS\"")->group(group);
  replay.add_option("--require", o.require, "* Exit with 7 unless FIGURE>=X (or <=): goodput_fraction>=0.9")
      ->type_name("FIGURE>=X")
      ->allow_extra_args(false)
      ->group(group);
  replay.add_option("--max-lag-ms", o.max_lag_ms, "* Not valid (exit 6) with a lag p99 above this")
      ->check(above_zero())
      ->capture_default_str()
      ->group(group);
  replay.add_option("--max-error-fraction", o.max_error_fraction, "* Not valid with more failed requests")
      ->check(number(0, 1))
      ->capture_default_str()
      ->group(group);
  replay.add_option("--max-truncated-fraction", o.max_truncated_fraction, "* Not valid with more answers cut short")
      ->check(number(0, 1))
      ->capture_default_str()
      ->group(group);
  replay.add_option("--gpus", o.gpus, "* GPUs behind the server, for tokens/s per GPU")
      ->check(whole_number(0, 1'000'000))
      ->group(group);
  replay.add_option("--artifact-dir,--output-artifact-dir", o.artifact_dir, "Folder for the files")
      ->capture_default_str()
      ->type_name("DIR")
      ->group(group);
  replay.add_option("--profile-export-prefix,--profile-export-file", o.export_prefix, "Name of the files in it")
      ->check(file_name())
      ->group(group);
  replay
      .add_option("--export-level,--profile-export-level", o.export_level,
                  "summary, records, or raw (also the bytes of requests and answers)")
      ->check(one_of({"summary", "records", "raw"}))
      ->capture_default_str()
      ->group(group);
  replay.add_option("--slice-duration", o.slice_s, "Figures per window of so many seconds too")
      ->check(above_zero())
      ->type_name("S")
      ->group(group);
  replay.add_option("--server-metrics", o.server_metrics_urls, "More /metrics addresses to collect")
      ->expected(0, 1000)
      ->type_name("URL...")
      ->group(group);
  replay.add_flag("--no-server-metrics", o.no_server_metrics, "Collect none")->group(group);
  replay
      .add_flag("--use-server-token-count", o.use_server_token_count,
                "Lengths of prompts and answers are those of the server's usage, not the client's own count")
      ->group(group);
  replay.add_flag("--no-gpu-telemetry")->description("Accepted: there is none")->group(group);
  replay.add_option("--ui,--ui-type", o.ui, "simple (a line of progress) or none")
      ->check(one_of({"simple", "dashboard", "none"}))
      ->capture_default_str()
      ->group(group);
  replay.add_flag("--json", o.json, "* Print one JSON document instead of the table")->group(group);
}

}  // namespace

CLI::App* add_replay(CLI::App& app, ReplayOptions& options) {
  CLI::App* replay = app.add_subcommand("replay", "Replay a trace over HTTP on its own timestamps and measure the answers");
  add_what_to_send(*replay, options);
  add_when(*replay, options);
  add_where(*replay, options);
  add_results(*replay, options);
  replay->allow_extras();
  replay->footer(
      "Example: srtctl replay -m MODEL --url http://127.0.0.1:8000 --input-file conversation_trace.jsonl \\\n"
      "         --fixed-schedule --streaming --goodput \"time_to_first_token:2000 inter_token_latency:25\"");
  return replay;
}

std::string replay_mistake(const CLI::App& replay, const ReplayOptions& o) {
  std::vector<std::string_view> known;
  std::vector<std::string> names;
  for (const CLI::Option* option : replay.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  known.assign(names.begin(), names.end());
  std::vector<std::string> mistakes = refuse(replay.remaining(), known);
  const auto both = [&](bool a, bool b, const char* what) {
    if (a && b) mistakes.emplace_back(what);
  };
  both(o.fixed_schedule, o.no_fixed_schedule, "--fixed-schedule and --no-fixed-schedule exclude each other");
  both(o.ignore_eos, o.no_ignore_eos, "--ignore-eos and --no-ignore-eos exclude each other");
  both(o.auto_offset, o.start_offset_ms.has_value(),
       "--fixed-schedule-auto-offset and --fixed-schedule-start-offset exclude each other");
  both(!o.input_file.empty(), !o.synthetic.empty() || o.isl || o.osl, "--input-file and --synthetic exclude each other");
  both(o.fixed_schedule, o.input_file.empty(), "--fixed-schedule needs a trace: --input-file FILE");
  both(o.fixed_schedule, o.request_rate.has_value(), "--fixed-schedule and --request-rate exclude each other");
  both(o.prompt_format == "token-ids", o.endpoint_type == "chat",
       "--prompt-format token-ids needs --endpoint-type completions");
  std::string all;
  for (const std::string& mistake : mistakes) all += (all.empty() ? "" : "\nsrtctl: ") + mistake;
  return all;
}

}  // namespace infbench::cli
