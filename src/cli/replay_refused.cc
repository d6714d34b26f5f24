// The flags of `aiperf profile` that srtctl replay refuses by name.
#include <algorithm>

#include "base/result.h"
#include "cli/replay_options.h"

namespace infbench::cli {
namespace {

constexpr RefusedFlag kRefused[] = {
    {"--accuracy-", "answers are not graded here"},
    {"--apply-chat-template", "prompt lengths are the trace's; the server's own count is in usage_prompt_tokens"},
    {"--audio-", "only text is sent"},
    {"--benchmark-name", "name the run by its --artifact-dir"},
    {"--config", "give the options on the command line"},
    {"-f", "give the options on the command line"},
    {"--connection-reuse-strategy", "connections are always kept and used again"},
    {"--conversation-", "give sessions as a trace, with session_id"},
    {"--custom-endpoint", "put the path before /v1 into --url"},
    {"--dataset-", "give a trace with --input-file, or --synthetic"},
    {"--export-http-trace", "per-token times: --export-level raw"},
    {"--export-outputs-json", "answers are not kept"},
    {"--failed-request-threshold", "see --max-error-fraction, which judges at the end"},
    {"--gpu-telemetry", "GPU telemetry is not collected"},
    {"--ignore-trace-delays", "edit the trace's delay fields"},
    {"--image-", "only text is sent"},
    {"--input-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--inter-turn-delay-cap-seconds", "edit the trace's delay fields"},
    {"--mlflow-", "results are files"},
    {"--network-latency-", "latencies are as measured"},
    {"--no-fixed-schedule-auto-offset", "the first timestamp is always the start"},
    {"--num-conversations", "use --request-count"},
    {"--num-dataset-entries", "use --request-count"},
    {"--num-profile-runs", "run it several times"},
    {"--num-prompts", "use --request-count"},
    {"--osl-mismatch-", "see --max-truncated-fraction"},
    {"--otel-", "results are files"},
    {"--output-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--per-chunk-usage", "tokens are counted by the server's last usage"},
    {"--prefix-", "shared prefixes come from the trace's hash_ids"},
    {"--num-prefix-prompts", "shared prefixes come from the trace's hash_ids"},
    {"--profiler", "start the server's profiler yourself"},
    {"--prompt-batch-size", "one prompt a request"},
    {"--prompt-corpus", "prompts are words that are one token each"},
    {"--prompt-input-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--prompt-output-tokens-stddev", "lengths are constant: --synthetic isl=I,osl=O"},
    {"--public-dataset", "give a trace with --input-file"},
    {"--record-processors", "threads: --workers-max"},
    {"--replay-speedup", "use --speed"},
    {"--request-cancellation-", "requests are not cancelled on purpose"},
    {"--request-concurrency", "use --concurrency, which bounds all requests in flight"},
    {"--request-rate-ramp-", "the rate is constant"},
    {"--reset-kv-cache", "POST the server's own endpoint (/flush_cache of sglang) before the run"},
    {"--server-metrics-formats", "server metrics are written as json and jsonl"},
    {"--server-profiler", "start the server's profiler yourself"},
    {"--session-", "sessions come from the trace's session_id"},
    {"--shared-system-prompt-", "shared prefixes come from the trace's hash_ids"},
    {"--stats-", "all statistics are written"},
    {"--sweep-", "run it several times"},
    {"--synthesis-speedup-ratio", "use --speed"},
    {"--synthesis-", "change the trace: srtctl trace slice, srtctl trace synthesize"},
    {"--tokenizer-revision", "give --tokenizer a folder or a tokenizer.json"},
    {"--tokenizer-trust-remote-code", "give --tokenizer a folder or a tokenizer.json"},
    {"--transport-type", "HTTP/1.1 only"},
    {"--user-", "sessions come from the trace's session_id"},
    {"--video-", "only text is sent"},
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
