#include "recipe/schema_field.h"
#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

constexpr auto kTypes = std::to_array<std::string_view>({"mooncake-router", "trace-replay", "custom", "manual"});
constexpr std::string_view kEvaluation = "accuracy is not measured here";
constexpr std::string_view kLoad = "use trace-replay with a trace of that traffic (srtctl trace synthesize), or custom";
constexpr auto kRefusedTypes = std::to_array<Refused>({
    {"agentic", kLoad},
    {"aime", kEvaluation},
    {"aiperf-bench", kLoad},
    {"gpqa", kEvaluation},
    {"gsm8k", kEvaluation},
    {"lm-eval", kEvaluation},
    {"longbenchv2", kEvaluation},
    {"mlperf", kLoad},
    {"mmlu", kEvaluation},
    {"router", kLoad},
    {"sa-bench", kLoad},
    {"sglang-bench", kLoad},
});
constexpr auto kReplays = std::to_array<std::string_view>({"mooncake-router", "trace-replay"});
constexpr auto kClients = std::to_array<std::string_view>({"mooncake-router", "trace-replay", "custom"});
constexpr auto kMooncake = std::to_array<std::string_view>({"mooncake-router"});
constexpr auto kTrace = std::to_array<std::string_view>({"trace-replay"});
constexpr auto kCustom = std::to_array<std::string_view>({"custom"});

constexpr auto kClientNames = std::to_array<std::string_view>({"srtctl", "aiperf"});
constexpr auto kPlacements = std::to_array<std::string_view>({"head", "last_decode"});
constexpr auto kWorkloads = std::to_array<std::string_view>({"conversation", "mooncake", "synthetic", "toolagent"});

constexpr Range kThreshold{.least = 0, .most = 86'400'000, .above = true};

constexpr std::string_view kPlaced = "client_placement says where the client runs";
constexpr std::string_view kShape = "it belongs to benchmark types that are not supported";
constexpr auto kRefused = std::to_array<Refused>({
    {"client_dedicated_node", kPlaced},
    {"colocate_with_frontend", kPlaced},
    {"concurrencies", "requests are sent when the trace says, not a number at a time"},
    {"concurrency", "requests are sent when the trace says, not a number at a time"},
    {"custom_tokenizer", kShape},
    {"dataset_name", kShape},
    {"dataset_path", kShape},
    {"isl", kShape},
    {"max_tokens", kShape},
    {"num_examples", kShape},
    {"num_prompts_mult", kShape},
    {"num_requests", kShape},
    {"num_threads", kShape},
    {"num_warmup_mult", "use warmup_requests"},
    {"osl", kShape},
    {"prefix_ratios", kShape},
    {"random_range_ratio", kShape},
    {"repeat", "submit the recipe several times"},
    {"req_rate", "use speed"},
    {"use_chat_template", kShape},
});

const auto kFields = std::to_array<Field<Benchmark>>({
    {"type",
     &Benchmark::type,
     {.doc = "what is measured: mooncake-router replays one of Mooncake's traces, trace-replay a trace of yours, custom runs a "
             "command, manual nothing (the deployment stays up until it is cancelled)",
      .choices = kTypes,
      .refused = kRefusedTypes}},
    {"client",
     &Benchmark::client,
     {.doc = "what sends the requests: srtctl (`srtctl replay`) or aiperf", .choices = kClientNames, .types = kReplays}},
    {"mooncake_workload",
     &Benchmark::mooncake_workload,
     {.doc = "which Mooncake trace is replayed", .choices = kWorkloads, .types = kMooncake}},
    {"trace_file",
     &Benchmark::trace_file,
     {.doc = "the trace to replay: an absolute path on the client's node, in the format of Mooncake",
      .check = &check_absolute_path,
      .expand = true,
      .types = kTrace,
      .needed_by = kTrace}},
    {"ttft_threshold_ms",
     &Benchmark::ttft_threshold_ms,
     {.doc = "limit of the time to first token, in milliseconds",
      .range = kThreshold,
      .range_hint = "leave the key out for the default of 2000",
      .types = kReplays}},
    {"itl_threshold_ms",
     &Benchmark::itl_threshold_ms,
     {.doc = "limit of a request's mean inter-token latency, in milliseconds",
      .range = kThreshold,
      .range_hint = "leave the key out for the default of 25",
      .types = kReplays}},
    {"client_placement",
     &Benchmark::client_placement,
     {.doc = "node of the client: the first (head), or that of the last decode worker",
      .choices = kPlacements,
      .types = kClients}},
    {"aiperf_args",
     &Benchmark::aiperf_args,
     {.doc = "further flags of `aiperf profile`", .types = kReplays, .client = "aiperf"}},
    {"aiperf_package",
     &Benchmark::aiperf_package,
     {.doc = "what pip installs where aiperf is missing", .check = &check_word, .types = kReplays, .client = "aiperf"}},
    {"command",
     &Benchmark::command,
     {.doc = "what bash runs once the deployment is ready", .check = &check_not_empty, .types = kCustom, .needed_by = kCustom}},
    {"container_image",
     &Benchmark::container_image,
     {.doc = "container image of the client; without it that of the model",
      .check = &check_image,
      .aliases = &Cluster::containers,
      .expand = true,
      .types = kClients,
      .client = "aiperf"}},
    {"env", &Benchmark::env, {.doc = "environment variables of the client", .types = kClients}},
    {"warmup_requests",
     &Benchmark::warmup_requests,
     {.doc = "requests before the measured ones, after which caches are emptied",
      .range = {.least = 0, .most = 100'000},
      .types = kReplays}},
    {"speed",
     &Benchmark::speed,
     {.doc = "the trace's times are divided by it", .range = {.least = 0, .most = 1e6, .above = true}, .types = kReplays}},
    {"limit_seconds",
     &Benchmark::limit_seconds,
     {.doc = "only this many first seconds of the trace, before speed is applied; without it all of it",
      .range = {.least = 0, .most = 1e9, .above = true},
      .types = kReplays}},
    {"seed",
     &Benchmark::seed,
     {.doc = "of everything the client draws at random", .range = {.least = 0, .most = 1e15}, .types = kReplays}},
    {"require",
     &Benchmark::require,
     {.doc = "the run fails unless this holds: a figure of the report, `>=` or `<=`, a number: `goodput_fraction>=0.9`",
      .check = &check_requirement,
      .types = kReplays}},
});

}  // namespace

BoundSection bind_benchmark(Benchmark& benchmark) {
  return section_of("benchmark", "the measurement", false, kFields, benchmark, kRefused);
}

}  // namespace infbench::recipe
