// Good recipes of every backend and benchmark type, with every key, and with the cluster's aliases and defaults.
#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "recipe/findings.h"
#include "recipe/read_recipe.h"
#include "recipe/read_tree.h"
#include "recipe/recipe_samples.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Recipe good(const std::string& text, const Cluster& cluster = {}) {
  Findings findings;
  findings.add_file("r.yaml", text);
  const std::optional<Tree> tree = parse_yaml(text, {0, 1, 1}, findings);
  Recipe recipe;
  if (tree.has_value()) read_tree(*tree, cluster, recipe, findings);
  EXPECT_EQ(format_errors(findings.take()), "");
  return recipe;
}

constexpr std::string_view kBenchmark = R"(  type: mooncake-router
  mooncake_workload: conversation
  ttft_threshold_ms: 2000
  itl_threshold_ms: 25
)";

constexpr std::string_view kSglangFlags = R"(  type: sglang
  sglang_config:
    aggregated:
      tensor-parallel-size: 2
      page-size: 64
)";

constexpr std::string_view kJob = R"(
container_mounts:
  /data: /data
  /scratch/x: /cache
extra_mount: ["/a:/b", "/c:/d:ro"]
srun_options: {mpi: pmix, overlap: ""}
sbatch_directives: {qos: high, mail-type: "END,FAIL", exclusive: ""}
setup_script: install.sh
slurm: {account: a, partition: p, time_limit: "01:00:00"}
output: {log_dir: "/logs/{job_id}"}
environment: {NAME: "{node}-{node_id}", JSON: '{"x": {"y": 1}}'}
lock: {anything: [1, 2]}
telemetry: {enabled: false}
profiling: {type: none}
enable_config_dump: false
)";

TEST(WholeRecipe, EveryKeyOfTheJob) {
  const Recipe recipe = good(std::string(kAggregated) + std::string(kJob));
  EXPECT_THAT(recipe.container_mounts, ElementsAre(Pair("/data", "/data"), Pair("/scratch/x", "/cache")));
  EXPECT_THAT(recipe.extra_mount, ElementsAre("/a:/b", "/c:/d:ro"));
  EXPECT_THAT(recipe.srun_options, ElementsAre(Pair("mpi", "pmix"), Pair("overlap", "")));
  EXPECT_THAT(recipe.sbatch_directives, ElementsAre(Pair("qos", "high"), Pair("mail-type", "END,FAIL"), Pair("exclusive", "")));
  EXPECT_EQ(recipe.setup_script, "install.sh");
  EXPECT_EQ(recipe.slurm.account, "a");
  EXPECT_EQ(recipe.output.log_dir, "/logs/{job_id}");
  EXPECT_THAT(recipe.environment, ElementsAre(Pair("NAME", "{node}-{node_id}"), Pair("JSON", R"({"x": {"y": 1}})")))
      << "braces stay as they are";
}

TEST(WholeRecipe, NothingButWhatIsNeeded) {
  const Recipe recipe = good(edited(
      kAggregated, {{"  container: lmsysorg/sglang:v0.5.6.post2\n", ""}, {"benchmark:\n" + std::string(kBenchmark), ""}}));
  EXPECT_EQ(recipe.model.container, "") << "bare";
  EXPECT_EQ(recipe.benchmark.type, "manual");
  EXPECT_EQ(recipe.benchmark.client, "srtctl");
  EXPECT_EQ(recipe.benchmark.warmup_requests, 20);
  EXPECT_EQ(recipe.benchmark.seed, 42);
  EXPECT_FALSE(recipe.output.log_dir.has_value());
  EXPECT_EQ(recipe.setup_script, "");
  EXPECT_FALSE(recipe.backend.aggregated_kv_events.has_value());
}

struct ModelRow {
  std::string path, resolved, served;
};

TEST(WholeRecipe, ModelsByPathRepositoryVariableAndAlias) {
  ASSERT_EQ(setenv("INFBENCH_TEST_MODELS", "/lustre/models", 1), 0);
  Cluster cluster;
  cluster.model_paths = {{"qwen3-32b", "/fast/Qwen3-32B"}, {"remote", "hf:Qwen/Qwen3-32B"}};
  cluster.containers = {{"latest", "lmsysorg/sglang:v0.5.6.post2"}};
  const std::vector<ModelRow> rows{
      {"/models/m/", "/models/m/", "m"},
      {"hf:Qwen/Qwen3-32B", "hf:Qwen/Qwen3-32B", "Qwen3-32B"},
      {"$INFBENCH_TEST_MODELS/m", "/lustre/models/m", "m"},
      {"${INFBENCH_TEST_MODELS}/m", "/lustre/models/m", "m"},
      {"/models/$/m$1", "/models/$/m$1", "m$1"},
      {"qwen3-32b", "/fast/Qwen3-32B", "Qwen3-32B"},
      {"remote", "hf:Qwen/Qwen3-32B", "Qwen3-32B"},
  };
  for (const ModelRow& row : rows) {
    const Recipe recipe = good(edited(kAggregated, {{"path: /models/Qwen3-32B", "path: " + row.path},
                                                    {"container: lmsysorg/sglang:v0.5.6.post2", "container: latest"}}),
                               cluster);
    EXPECT_EQ(recipe.model.path, row.resolved);
    EXPECT_EQ(recipe.served_model_name(), row.served);
    EXPECT_EQ(recipe.model.container, "lmsysorg/sglang:v0.5.6.post2");
  }
}

TEST(WholeRecipe, Vllm) {
  const Recipe recipe = good(edited(kAggregated, {{std::string(kSglangFlags), R"(  type: vllm
  vllm_config:
    aggregated:
      served-model-name: [qwen, Qwen/Qwen3-32B]
      tp: 2
      block_size: 32
      max-model-len: 131072
      gpu-memory-utilization: 0.9
      max-num-batched-tokens: 8192
      no-enable-prefix-caching: true
      hf-overrides: {rope_scaling: {factor: 4.0}}
)"}}));
  EXPECT_EQ(recipe.served_model_name(), "qwen") << "the first of several";
  const EngineFlags flags = recipe.engine_flags(Role::aggregated);
  EXPECT_EQ(flags.tensor_parallel_size, 2);
  EXPECT_EQ(flags.page_size, 32);
  EXPECT_EQ(flags.context_length, 131072);
  EXPECT_EQ(flags.mem_fraction_static, 0.9);
  EXPECT_EQ(flags.chunked_prefill_size, 8192);
  EXPECT_THAT(to_argv(*recipe.groups().front().flags),
              ElementsAre("--block-size", "32", "--gpu-memory-utilization", "0.9", "--hf-overrides",
                          R"({"rope_scaling":{"factor":4.0}})", "--max-model-len", "131072", "--max-num-batched-tokens", "8192",
                          "--no-enable-prefix-caching", "--served-model-name", "qwen", "Qwen/Qwen3-32B",
                          "--tensor-parallel-size", "2"));
}

TEST(WholeRecipe, ModelTakesTheFlagsOfSglang) {
  const std::vector<Edit> sets{{Edit::Kind::set, "backend.type=model"}, {Edit::Kind::set, "engine.time_scale=50"}};
  const auto recipe = read_recipe("recipies/qwen3-32b/disagg-kv-router.yaml", sets);
  ASSERT_TRUE(recipe.has_value()) << format_errors(recipe.error());
  EXPECT_EQ(recipe->engine.time_scale, 50);
  EXPECT_EQ(recipe->engine_flags(Role::decode).tensor_parallel_size, 2);
  EXPECT_EQ(recipe->served_model_name(), "Qwen/Qwen3-32B");
}

TEST(WholeRecipe, KvEvents) {
  const auto with = [](const std::string& value) {
    return good(edited(kDisaggregated, {{"backend:\n", "backend:\n  kv_events_config: " + value + "\n"}})).backend;
  };
  EXPECT_EQ(with("true").prefill_kv_events->topic, "kv-events");
  EXPECT_EQ(with("true").decode_kv_events->publisher, "zmq");
  EXPECT_FALSE(with("false").prefill_kv_events.has_value());
  EXPECT_FALSE(with("null").prefill_kv_events.has_value());
  const Backend some = with("{prefill: {topic: mine}, decode: false}");
  EXPECT_EQ(some.prefill_kv_events->topic, "mine");
  EXPECT_FALSE(some.decode_kv_events.has_value());
}

TEST(WholeRecipe, EveryBenchmarkType) {
  const auto with = [](const std::string& benchmark) {
    return good(edited(kAggregated, {{std::string(kBenchmark), benchmark}})).benchmark;
  };
  const Benchmark mooncake = with(R"(  type: mooncake-router
  client: aiperf
  aiperf_args: {extra-inputs: "ignore_eos:true", request-timeout-seconds: 900, tokenizer: Qwen/Qwen3-32B}
  aiperf_package: aiperf==0.13.0
  container_image: python:3.11
  env: {A: b}
  speed: 2
  limit_seconds: 60.5
  seed: 1
  warmup_requests: 0
  require: goodput_fraction>=0.9
)");
  EXPECT_EQ(mooncake.client, "aiperf");
  EXPECT_THAT(to_argv(mooncake.aiperf_args), ElementsAre("--extra-inputs", "ignore_eos:true", "--request-timeout-seconds",
                                                         "900", "--tokenizer", "Qwen/Qwen3-32B"));
  EXPECT_EQ(mooncake.speed, 2);
  EXPECT_EQ(mooncake.limit_seconds, 60.5);
  EXPECT_EQ(mooncake.require, "goodput_fraction>=0.9");
  EXPECT_EQ(with("  type: trace-replay\n  trace_file: /traces/t.jsonl\n  itl_threshold_ms: 50\n").itl_threshold_ms, 50);
  const Benchmark custom = with("  type: custom\n  command: |\n    cd /work\n    ./measure {x}\n  container_image: my/image\n");
  EXPECT_EQ(custom.command, "cd /work\n./measure {x}\n");
  EXPECT_EQ(custom.container_image, "my/image") << "custom has a container without being aiperf";
  EXPECT_EQ(with("  type: manual\n").type, "manual");
  EXPECT_EQ(
      good(edited(kDisaggregated, {{"  type: mooncake-router", "  type: mooncake-router\n  client_placement: last_decode"}}))
          .benchmark.client_placement,
      "last_decode");
}

TEST(WholeRecipe, SpreadWorkers) {
  const Recipe recipe =
      good(edited(kAggregated, {{"agg_workers: 8", "agg_workers: 2\n  gpus_per_agg: 2\n  spread_workers: true"}}));
  EXPECT_TRUE(recipe.resources.spread_workers);
}

TEST(WholeRecipe, TheClusterFillsWhatTheRecipeLeavesOut) {
  Cluster cluster;
  cluster.default_account = "team";
  cluster.default_partition = "gpu";
  cluster.default_time_limit = "04:00:00";
  cluster.default_health_check = HealthCheck{.max_attempts = 7, .interval_seconds = 3};
  cluster.default_sbatch_directives = {{"qos", "low"}, {"comment", "all"}};
  cluster.default_mounts = {{"/lustre", "/lustre"}, {"/old", "/data"}, {"/older", "/more"}};
  const Recipe recipe = good(std::string(kAggregated) + R"(
slurm: {partition: debug}
health_check: {interval_seconds: 1}
sbatch_directives: {qos: high}
container_mounts: {/mine: /data}
extra_mount: ["/also-mine:/more:ro"]
)",
                             cluster);
  EXPECT_EQ(recipe.slurm.account, "team");
  EXPECT_EQ(recipe.slurm.partition, "debug");
  EXPECT_EQ(recipe.slurm.time_limit, "04:00:00");
  EXPECT_EQ(recipe.health_check.max_attempts, 7);
  EXPECT_EQ(recipe.health_check.interval_seconds, 1);
  EXPECT_THAT(recipe.sbatch_directives, ElementsAre(Pair("comment", "all"), Pair("qos", "high")));
  EXPECT_THAT(recipe.container_mounts, ElementsAre(Pair("/lustre", "/lustre"), Pair("/mine", "/data")));
}

// A recipe with one of its lines gone, doubled, or with another's value or indentation.
std::string damaged() {
  std::vector<std::string> lines;
  std::istringstream text(std::string(kAggregated) + std::string(kJob));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  const auto any = [&] { return *rc::gen::inRange<std::size_t>(0, lines.size()); };
  for (int i = *rc::gen::inRange(1, 5); i > 0; --i) {
    const std::size_t at = any();
    const std::string other = lines[any()];
    const std::string::size_type colon = lines[at].find(':');
    const int kind = *rc::gen::inRange(0, 4);
    if (kind == 0) lines[at].clear();
    if (kind == 1) lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(any()), lines[at]);
    if (kind == 2 && colon != std::string::npos) {
      lines[at] = lines[at].substr(0, colon) + other.substr(std::min(other.size(), other.find(':')));
    }
    if (kind == 3) lines[at].insert(0, "  ");
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

RC_GTEST_PROP(WholeRecipeProperties, DamagedLinesGiveARecipeOrErrorsWithTheirPlaces, ()) {
  const Result<Recipe> recipe = read_recipe_text(damaged(), "r.yaml");
  if (recipe.has_value()) return;
  RC_ASSERT(!recipe.error().empty());
  for (const Error& error : recipe.error()) {
    RC_ASSERT(error.line > 0);
    RC_ASSERT(error.column > 0);
    RC_ASSERT(!error.what.empty());
  }
}

}  // namespace
}  // namespace infbench::recipe
