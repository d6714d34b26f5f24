// The flags of `aiperf profile` that srtctl replay refuses by name.
#include <algorithm>

#include "base/result.h"
#include "cli/replay_options.h"

namespace infbench::cli {
namespace {

constexpr RefusedFlag kRefused[] = {
    {"--accuracy-", "answers are not graded here"},
    {"--agentic-", "agent traces are not read"},
    {"--allow-dataset-wrap", "give a trace with --input-file, or --synthetic"},
    {"--api-host", "there is no API beside the run"},
    {"--api-port", "there is no API beside the run"},
    {"--apply-chat-template", "prompt lengths are the trace's; the server's own count is in usage_prompt_tokens"},
    {"--arrival-smoothness", "gaps are those of a Poisson process or even"},
    {"--audio-", "only text is sent"},
    {"--auto-plot", "plot from the files"},
    {"-b", "one prompt a request"},
    {"--batch-size", "one prompt a request"},
    {"--batch-size-", "one prompt a request"},
    {"--bo-constraint-mode", "run it several times"},
    {"--burst-phase-starts", "agent traces are not read"},
    {"--cache-bust", "another --random-seed gives other prompts"},
    {"--concurrency-", "the load is constant, one run has one load"},
    {"--confidence-level", "run it several times"},
    {"--config", "give the options on the command line"},
    {"--connection-reuse-strategy", "connections are always kept and used again"},
    {"--convergence-", "run it several times"},
    {"--conversation-", "give sessions as a trace, with session_id"},
    {"--custom-endpoint", "put the path before /v1 into --url"},
    {"--dataset-", "give a trace with --input-file, or --synthetic"},
    {"--degradation-", "run it several times"},
    {"--download-video-content", "only text is sent"},
    {"--e2e-sla-ms", "use --require request_latency.p99<=MS"},
    {"--endpoint", "put the path before /v1 into --url"},
    {"--error-rate-sla", "use --max-error-fraction"},
    {"--export-http-trace", "timings are in the http_req_* metrics of each record, bytes with --export-level raw"},
    {"--export-outputs-json", "answers are not kept"},
    {"--extra-verbose", "there is no log"},
    {"-f", "give the options on the command line"},
    {"--failed-request-threshold", "see --max-error-fraction, which judges at the end"},
    {"--force-min-tokens", "answers have the lengths of the trace by ignore_eos, see --ignore-eos"},
    {"--gen-ai-provider", "results are files"},
    {"--gpu-telemetry", "GPU telemetry is not collected"},
    {"--hf-", "give a trace with --input-file, or --synthetic"},
    {"--ignore-trace-delays", "edit the trace's delay fields"},
    {"--image-", "only text is sent"},
    {"--inter-turn-delay-cap-seconds", "edit the trace's delay fields"},
    {"--isl-block-size", "blocks of the trace are of 512 tokens"},
    {"--isl-", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--itl-sla-ms", "use --goodput inter_token_latency:MS or --require"},
    {"--log-level", "there is no log"},
    {"--max-context-length", "cut the trace: srtctl trace slice --max-isl N"},
    {"--max-idle-gap-cap-seconds", "edit the trace's timestamps"},
    {"--mlflow-", "results are files"},
    {"--model-selection-strategy", "one model a run"},
    {"--network-latency-", "latencies are as measured"},
    {"--no-allow-dataset-wrap", "give a trace with --input-file, or --synthetic"},
    {"--no-auto-plot", "nothing is plotted: leave it out"},
    {"--no-force-min-tokens", "min_tokens is never sent: leave it out"},
    {"--no-open-loop-replay", "use --no-fixed-schedule with --concurrency"},
    {"--no-parameter-sweep-same-seed", "run it several times"},
    {"--no-profile-run-disable-warmup-after-first", "run it several times"},
    {"--no-set-consistent-seed", "prompts follow --random-seed"},
    {"--no-sweep-table", "run it several times"},
    {"--no-vary-seed-per-trial", "prompts follow --random-seed"},
    {"--num-conversations", "use --request-count"},
    {"--num-dataset-entries", "use --request-count"},
    {"--num-prefix-prompts", "shared prefixes come from the trace's hash_ids"},
    {"--num-profile-runs", "run it several times"},
    {"--num-prompts", "use --request-count"},
    {"--num-sessions", "use --request-count"},
    {"--num-users", "use --concurrency"},
    {"--num-warmup-sessions", "use --warmup-request-count"},
    {"--omit-kv-hints", "hash_ids are never sent: leave it out"},
    {"--open-loop-replay", "a trace is replayed so: leave it out"},
    {"--open-loop-strict", "a later turn waits for the one before"},
    {"--optuna-", "run it several times"},
    {"--osl-", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--otel-", "results are files"},
    {"--output-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--parameter-sweep-", "run it several times"},
    {"--per-chunk-usage", "tokens are counted by the last usage, or by the client"},
    {"--plot-required", "plot from the files"},
    {"--prefill-concurrency", "use --concurrency, which bounds requests from first byte to last"},
    {"--prefill-concurrency-", "the load is constant"},
    {"--prefix-", "shared prefixes come from the trace's hash_ids"},
    {"--profile-run-", "run it several times"},
    {"--prompt-batch-size", "one prompt a request"},
    {"--prompt-corpus", "prompts are words that are one token each"},
    {"--prompt-input-tokens-block-size", "blocks of the trace are of 512 tokens"},
    {"--prompt-input-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--prompt-output-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--prompt-prefix-", "shared prefixes come from the trace's hash_ids"},
    {"--public-dataset", "give a trace with --input-file"},
    {"--random-corpus-style", "prompts are words that are one token each"},
    {"--random-range-ratio", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--rankings-", "only chat and completions"},
    {"--record-processor-service-count", "threads: --workers-max"},
    {"--record-processors", "threads: --workers-max"},
    {"--replay-speedup", "use --speed"},
    {"--request-cancellation-", "requests are not cancelled on purpose"},
    {"--request-content-type", "bodies are JSON"},
    {"--request-rate-ramp-", "the rate is constant"},
    {"--request-rate-series", "the rate is constant"},
    {"--reset-kv-cache", "POST the server's own endpoint (/flush_cache of sglang) before the run"},
    {"--reset-kv-cache-", "POST the server's own endpoint (/flush_cache of sglang) before the run"},
    {"--scenario", "give its options one by one"},
    {"--search-", "run it several times"},
    {"--seq-dist", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--sequence-distribution", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--server-metrics-formats", "server metrics are written as json and jsonl"},
    {"--server-profiler", "start the server's profiler yourself"},
    {"--server-profiler-", "start the server's profiler yourself"},
    {"--session-", "sessions come from the trace's session_id"},
    {"--set-consistent-seed", "prompts follow --random-seed"},
    {"--shared-system-prompt-", "shared prefixes come from the trace's hash_ids"},
    {"--show-trace-timing", "timings are in the http_req_* metrics of the files"},
    {"--slo-attainment-fraction", "use --require goodput_fraction>=X"},
    {"--stats-", "all statistics are written"},
    {"--stream", "results are files (answers as streams: --streaming)"},
    {"--sweep-", "run it several times"},
    {"--synthesis-speedup-ratio", "use --speed"},
    {"--synthesis-", "change the trace: srtctl trace slice, srtctl trace synthesize"},
    {"--synthetic-input-tokens-block-size", "blocks of the trace are of 512 tokens"},
    {"--synthetic-input-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--system-idle-gap-cap-seconds", "edit the trace's timestamps"},
    {"--system-prompt", "shared prefixes come from the trace's hash_ids"},
    {"--system-prompt-file", "shared prefixes come from the trace's hash_ids"},
    {"--tokenizer-revision", "give --tokenizer a folder or a tokenizer.json"},
    {"--tokenizer-trust-remote-code", "give --tokenizer a folder or a tokenizer.json"},
    {"--tpot-sla-ms", "use --goodput inter_token_latency:MS or --require"},
    {"--trace-idle-gap-cap-seconds", "edit the trace's timestamps"},
    {"--trace-session-sample-ratio", "cut the trace: srtctl trace slice"},
    {"--trajectory-", "agent traces are not read"},
    {"--transport", "HTTP/1.1 only"},
    {"--transport-type", "HTTP/1.1 only"},
    {"--ttft-sla-ms", "use --goodput time_to_first_token:MS or --require"},
    {"--unsafe-override", "there are no scenarios"},
    {"--use-think-time-only", "agent traces are not read"},
    {"--user-", "sessions come from the trace's session_id"},
    {"--uuid-and-strip", "only text is sent"},
    {"-v", "there is no log"},
    {"--variant", "run it several times"},
    {"--vary-seed-per-trial", "prompts follow --random-seed"},
    {"--verbose", "there is no log"},
    {"--video-", "only text is sent"},
    {"--vllm-burstiness", "gaps are those of a Poisson process or even"},
    {"-vv", "there is no log"},
    {"--wait-for-model-interval", "the server is asked twice a second"},
    {"--wait-for-model-mode", "the list of models is asked for"},
    {"--wandb-", "results are files"},
    {"--warmup-duration", "use --warmup-request-count"},
    {"--warmup-", "there are --warmup-request-count and --warmup-concurrency"},
    {"--zmq-", "there are no processes to connect"},
};

const RefusedFlag* find_refused(std::string_view flag) {
  for (const RefusedFlag& refused : kRefused) {
    const bool family = refused.name.size() > 2 && refused.name.ends_with('-');
    if (family ? flag.starts_with(refused.name) : flag == refused.name) return &refused;
  }
  return nullptr;
}

}  // namespace

std::span<const RefusedFlag> refused_aiperf_flags() { return kRefused; }

std::vector<std::string> refuse(const std::vector<std::string>& rest, const std::vector<std::string_view>& known) {
  std::vector<std::string> mistakes;
  bool value_may_follow = false;
  for (const std::string& argument : rest) {
    if (!argument.starts_with('-') || argument == "-" || argument == "--") {
      if (!value_may_follow) mistakes.push_back("expected a flag, found '" + argument + "'");
      continue;
    }
    value_may_follow = true;
    const std::string flag = argument.substr(0, argument.find('='));
    if (const RefusedFlag* refused = find_refused(flag)) {
      mistakes.push_back("replay does not have aiperf's flag " + flag + ": " + std::string(refused->hint));
    } else {
      const std::string hint = did_you_mean(flag, known);
      mistakes.push_back("replay has no flag " + flag + (hint.empty() ? "" : ": " + hint));
    }
  }
  return mistakes;
}

}  // namespace infbench::cli
