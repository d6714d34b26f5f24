// Plans for one host and for Slurm: what is started, where, with which variables and mounts; the benchmark's command lines; the
// script for sbatch.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/command_lines.h"
#include "plan/plan.h"
#include "plan/plan_output.h"
#include "plan/words.h"
#include "recipe/read_recipe.h"
#include "recipe/recipe_samples.h"

namespace infbench::plan {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

recipe::Recipe sample(std::string_view text) {
  const auto read = recipe::read_recipe_text(text, "r.yaml");
  EXPECT_TRUE(read.has_value()) << (read.has_value() ? "" : format_errors(read.error()));
  return read.value_or(recipe::Recipe{});
}
recipe::Recipe aggregated() { return sample(recipe::kAggregated); }
recipe::Recipe disaggregated() { return sample(recipe::kDisaggregated); }

Site slurm() {
  Site site;
  site.job = "12345";
  site.output_dir = "/out/12345";
  site.program = "/opt/srtctl";
  site.trace_file = "/cache/conversation_trace.jsonl";
  return site;
}

Site local() {
  Site site = slurm();
  site.launcher = LauncherKind::local;
  site.bind = "127.0.0.1";
  site.port_base = 21000;
  site.python = "/venv/bin/python";
  return site;
}

Plan plan_on(const recipe::Recipe& recipe, const Site& site) {
  const bool here = site.launcher == LauncherKind::local || site.shared_host;
  const auto plan =
      make_plan(recipe, here ? one_host_inventory(recipe.nodes(), "127.0.0.1") : placeholder_inventory(recipe.nodes()), site);
  EXPECT_TRUE(plan.has_value()) << (plan.has_value() ? "" : format_errors(plan.error()));
  return plan.value_or(Plan{});
}

// The word after `flag`; empty: it is not there.
std::string after(const Words& words, std::string_view flag) {
  const auto at = std::ranges::find(words, flag);
  return at == words.end() || at + 1 == words.end() ? "" : *(at + 1);
}

bool ends_with(const Words& words, const Words& end) {
  return words.size() >= end.size() && std::equal(end.rbegin(), end.rend(), words.rbegin());
}

recipe::Flags flags(const Environment& texts) {
  std::vector<recipe::Flag> all;
  for (const auto& [name, text] : texts) {
    recipe::Value value;
    value.data = text;
    all.push_back({name, value, {}});
  }
  return recipe::Flags(std::move(all));
}

TEST(Srun, PrefixAsTheReference) {
  recipe::Recipe recipe = aggregated();
  recipe.environment = {{"A", "x"}, {"B", "y z"}};
  recipe.srun_options = {{"mpi", "pmix"}, {"no-kill", ""}};
  const Command command = plan_on(recipe, slurm()).processes[4].command;
  Words expected{"srun",     "--jobid", "12345",      "--overlap", "--nodes",  "1",
                 "--ntasks", "1",       "--nodelist", "node02",    "--output", "/out/12345/logs/node02_agg_w4.out"};
  // Not the reference's: the step's name, by which signals find it; and ALL even if the job was submitted with --export=NONE.
  append(expected, {"--job-name", "node02_agg_w4", "--export", "ALL"});
  append(expected, {"--container-image", "lmsysorg/sglang:v0.5.6.post2", "--no-container-entrypoint",
                    "--no-container-mount-home", "--container-mounts", "/out/12345/logs:/logs,/models/Qwen3-32B:/model"});
  // The reference exports variables in a shell of the container, which is why they win over those of the image; here there is
  // no shell, and pyxis is told so.
  append(expected, {"--container-env=A,B", "--mpi=pmix", "--no-kill"});
  append(expected, {"env", "CUDA_VISIBLE_DEVICES=0,1"});
  append(expected, command.argv);
  EXPECT_EQ(command.launch_argv, expected);
  EXPECT_EQ(command.environment, (Environment{{"A", "x"}, {"B", "y z"}, {"CUDA_VISIBLE_DEVICES", "0,1"}}));
  EXPECT_EQ(command.log, "/out/12345/logs/node02_agg_w4.out");
  EXPECT_THAT(command.unset, Contains("SLURM_CPU_BIND"));
}

TEST(Srun, WithoutContainerAndWithTheWholeNode) {
  recipe::Recipe recipe = sample(recipe::edited(
      recipe::kAggregated, {{"agg_workers: 8", "agg_workers: 2"}, {"tensor-parallel-size: 2", "tensor-parallel-size: 8"}}));
  recipe.model.container.clear();
  const Plan plan = plan_on(recipe, slurm());
  const Command& command = plan.processes[0].command;
  EXPECT_EQ(Words(command.launch_argv.begin() + 16, command.launch_argv.end()), command.argv);
  EXPECT_TRUE(command.mounts.empty());
  EXPECT_EQ(after(command.argv, "--model-path"), "/models/Qwen3-32B");
  EXPECT_EQ(plan.router.command.argv.front(), "python3");
}

TEST(Srun, GpusByTheNamesOfTheNode) {
  Inventory inventory = placeholder_inventory(2);
  inventory.nodes[1].gpus = {"8", "9", "10", "11", "12", "13", "14", "15"};
  const auto plan = make_plan(aggregated(), inventory, slurm());
  ASSERT_TRUE(plan.has_value());
  EXPECT_THAT(plan->processes[0].command.launch_argv, Contains("CUDA_VISIBLE_DEVICES=0,1"));
  EXPECT_THAT(plan->processes[5].command.launch_argv, Contains("CUDA_VISIBLE_DEVICES=10,11"));
}

TEST(Srun, MountsOfEveryKind) {
  recipe::Recipe recipe = aggregated();
  recipe.container_mounts = {{"/scratch/{node}", "/scratch"}, {"/mine", "/cluster"}};
  recipe.extra_mount = {"/a:/b:ro"};
  Site site = slurm();
  site.cluster.srtctl_root = "/srt";
  site.cluster.default_mounts = {{"/theirs", "/cluster"}, {"/hf", "/root/.cache"}};
  const Plan plan = plan_on(recipe, site);
  EXPECT_EQ(plan.processes[4].command.mounts,
            (Words{"/out/12345/logs:/logs", "/models/Qwen3-32B:/model", "/srt/configs:/configs", "/hf:/root/.cache",
                   "/scratch/node02:/scratch", "/mine:/cluster", "/a:/b:ro"}));
  recipe.model.path = "hf:Qwen/Qwen3-32B";
  recipe.output.log_dir = "logs-{job_id}";
  const Plan hub = plan_on(recipe, site);
  EXPECT_EQ(hub.processes[0].command.mounts.front(), "/out/12345/logs-12345:/logs");
  EXPECT_THAT(hub.processes[0].command.mounts, Not(Contains(HasSubstr(":/model"))));
  EXPECT_EQ(after(hub.processes[0].command.argv, "--model-path"), "Qwen/Qwen3-32B");
}

TEST(Srun, SetupScriptRunsFirstAndIsNeverText) {
  recipe::Recipe recipe = aggregated();
  recipe.setup_script = "$(touch x).sh";
  const Words argv = plan_on(recipe, slurm()).processes[0].command.argv;
  EXPECT_EQ(Words(argv.begin(), argv.begin() + 6),
            (Words{"bash", "-c", R"(bash "$0" && exec "$@")", "/configs/$(touch x).sh", "python3", "-m"}));
  Site site = slurm();
  site.working_dir = "/where/submit/ran";
  EXPECT_THAT(plan_on(recipe, site).processes[0].command.mounts, Contains("/where/submit/ran/configs:/configs"));
  recipe.model.container.clear();
  EXPECT_EQ(plan_on(recipe, site).processes[0].command.argv[3], "/where/submit/ran/configs/$(touch x).sh");
}

TEST(OneHost, LocalProcessesNeedNoSlurm) {
  const Plan plan = plan_on(disaggregated(), local());
  EXPECT_EQ(shared_ports(disaggregated()), 2 + 8 * 5);
  std::vector<const Command*> commands{&plan.router.command, &*plan.benchmark.warmup, &*plan.benchmark.command};
  for (const WorkerProcess& process : plan.processes) commands.push_back(&process.command);
  for (const Command* command : commands) {
    EXPECT_EQ(command->launch_argv, command->argv);
    EXPECT_TRUE(command->container.empty() && command->mounts.empty());
    EXPECT_THAT(command->unset, Each(kKeyVariable)) << "nothing of Slurm's";
    EXPECT_EQ(command->log, "/out/12345/logs/" + command->name + ".out");
    EXPECT_THAT(command->argv, Not(Contains(HasSubstr("0.0.0.0"))));
    EXPECT_THAT(command->argv, Not(Contains("/model")));
  }
  const Words& worker = plan.processes[0].command.argv;
  EXPECT_EQ(Words(worker.begin(), worker.begin() + 5),
            (Words{"/venv/bin/python", "-m", "sglang.launch_server", "--model-path", "/models/Qwen3-32B"}));
  EXPECT_EQ(plan.processes[7].command.environment, (Environment{{"CUDA_VISIBLE_DEVICES", "6,7"}}));
  EXPECT_EQ(plan.workers[1].url, "http://127.0.0.1:21007");
  EXPECT_EQ(plan.workers[1].bootstrap_port, 21009);
  const Words& router = plan.router.command.argv;
  EXPECT_EQ(after(router, "--port"), "21000");
  EXPECT_EQ(after(router, "--host"), "127.0.0.1");
  EXPECT_EQ(after(router, "--prometheus-port"), "21001") << "its default would be the same for every run on this host";
  EXPECT_EQ(after(router, "--prometheus-host"), "127.0.0.1");
}

TEST(OneHost, PortsMustNotEndAboveTheLast) {
  Site site = local();
  site.port_base = 65500;
  const auto plan = make_plan(disaggregated(), one_host_inventory(2, "127.0.0.1"), site);
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().front().what, HasSubstr("42 ports from 65500 on"));
}

TEST(OneHost, SlurmNodesOfOneHostShareOnePortSpace) {
  Site site = slurm();
  site.shared_host = true;
  site.bind = "127.0.0.1";
  site.port_base = 30000;
  recipe::Recipe recipe = sample(recipe::edited(
      recipe::kAggregated, {{"agg_workers: 8", "agg_workers: 1"}, {"tensor-parallel-size: 2", "tensor-parallel-size: 16"}}));
  const Plan plan = plan_on(recipe, site);
  ASSERT_EQ(plan.processes.size(), 2U);
  EXPECT_EQ(after(plan.processes[1].command.argv, "--dist-init-addr"), "127.0.0.1:30006");
  EXPECT_EQ(after(plan.processes[0].command.argv, "--port"), "30002");
  EXPECT_EQ(after(plan.processes[1].command.argv, "--port"), "30007");
  EXPECT_EQ(plan.processes[0].command.launch_argv.front(), "srun");
}

TEST(Engines, ModelTakesTheFlagsOfSglang) {
  recipe::Recipe recipe = disaggregated();
  recipe.backend.type = "model";
  recipe.engine.kv_tokens = 100000;
  recipe.engine.link_gbps = 200;
  recipe.engine.link_us = 5;
  recipe.engine.time_scale = 20;
  const Plan plan = plan_on(recipe, local());
  EXPECT_EQ(plan.processes[0].command.argv, (Words{"/opt/srtctl",
                                                   "serve",
                                                   "--model-path",
                                                   "/models/Qwen3-32B",
                                                   "--served-model-name",
                                                   "Qwen3-32B",
                                                   "--host",
                                                   "127.0.0.1",
                                                   "--port",
                                                   "21002",
                                                   "--nccl-port",
                                                   "21003",
                                                   "--disaggregation-mode",
                                                   "prefill",
                                                   "--disaggregation-bootstrap-port",
                                                   "21004",
                                                   "--gpu",
                                                   "h200",
                                                   "--precision",
                                                   "bf16",
                                                   "--kv-tokens",
                                                   "100000",
                                                   "--kv-link-gbps",
                                                   "200",
                                                   "--kv-link-us",
                                                   "5",
                                                   "--time-scale",
                                                   "20",
                                                   "--tensor-parallel-size",
                                                   "2"}));
  EXPECT_EQ(plan.router.command.environment, (Environment{{"HF_HUB_OFFLINE", "1"}}));
  EXPECT_THAT(plan.benchmark.command->argv, Not(Contains("--tokenizer"))) << "it counts words of the built-in list";
  Site site = slurm();
  site.data_dir = "/data";
  const Command inside = plan_on(recipe, site).processes[0].command;
  EXPECT_EQ(inside.argv.front(), "/srtctl/bin/srtctl");
  EXPECT_EQ(inside.mounts,
            (Words{"/out/12345/logs:/logs", "/opt/srtctl:/srtctl/bin/srtctl", "/data:/srtctl/share/infbench/data"}));
}

TEST(Engines, VllmOverOneAndTwoNodes) {
  recipe::Recipe recipe = aggregated();
  recipe.backend.type = "vllm";
  recipe.backend.aggregated_kv_events = recipe::KvEvents{};
  const Plan plan = plan_on(recipe, slurm());
  const Words& argv = plan.processes[1].command.argv;
  EXPECT_EQ(Words(argv.begin(), argv.begin() + 3), (Words{"vllm", "serve", "/model"}));
  EXPECT_EQ(after(argv, "--port"), "6132");
  EXPECT_THAT(argv, Not(Contains("--nccl-port")));
  EXPECT_EQ(after(argv, "--kv-events-config"),
            R"({"enable_kv_cache_events":true,"publisher":"zmq","topic":"kv-events","endpoint":"tcp://*:5201"})");
  EXPECT_EQ(plan.processes[1].ports.nccl, 0);
  EXPECT_THAT(plan.benchmark.metrics_urls, Contains("http://10.0.0.1:6132/metrics"));

  recipe.resources.agg_workers = 1;
  const Plan wide = plan_on(recipe, slurm());
  ASSERT_EQ(wide.processes.size(), 2U);
  const Words& second = wide.processes[1].command.argv;
  EXPECT_EQ(after(second, "--nnodes"), "2");
  EXPECT_EQ(after(second, "--node-rank"), "1");
  EXPECT_EQ(after(second, "--master-addr"), "10.0.0.1");
  EXPECT_EQ(after(second, "--master-port"), "8300");
  EXPECT_THAT(second, Contains("--headless"));
  EXPECT_THAT(wide.processes[0].command.argv, Not(Contains("--headless")));
}

TEST(Engines, KvEventsOfThoseThatPublishThem) {
  recipe::Recipe recipe = disaggregated();
  recipe.backend.prefill_kv_events = recipe::KvEvents{.publisher = "zmq", .topic = "t"};
  const Plan plan = plan_on(recipe, local());
  EXPECT_EQ(after(plan.processes[1].command.argv, "--kv-events-config"),
            R"({"publisher":"zmq","topic":"t","endpoint":"tcp://127.0.0.1:21010"})");
  EXPECT_EQ(plan.processes[7].ports.kv_events, 0);
  EXPECT_THAT(plan.processes[7].command.argv, Not(Contains("--kv-events-config")));
}

TEST(Engines, OurGatewayIsToldWhereEventsArePublishedOnlyIfTheRecipeAsks) {
  recipe::Recipe recipe = disaggregated();
  recipe.frontend.type = "srtctl";
  const auto router = [&] { return plan_on(recipe, local()).router.command.argv; };
  EXPECT_THAT(router(), Not(Contains("--kv-events")));
  recipe.backend.decode_kv_events = recipe::KvEvents{};  // decode workers have no prefix cache
  EXPECT_THAT(router(), Not(Contains("--kv-events")));
  recipe.backend.prefill_kv_events = recipe::KvEvents{.publisher = "zmq", .topic = "t"};
  const Words told = router();
  const auto at = std::ranges::find(told, "--kv-events");
  ASSERT_NE(at, told.end());
  const Words sources(at + 1, std::find(at, told.end(), "--kv-events-topic"));
  const Plan plan = plan_on(recipe, local());
  Words published;
  for (const WorkerProcess& process : plan.processes) {
    if (process.role == Role::prefill) published.push_back("tcp://127.0.0.1:" + std::to_string(process.ports.kv_events));
  }
  EXPECT_EQ(sources, published);
  EXPECT_EQ(after(told, "--kv-events-topic"), "t");
  EXPECT_EQ(after(told, "--kv-events-page-size"), "1");
  EXPECT_THAT(told, Not(Contains("--kv-events-text")));
  recipe.backend.type = "model";
  EXPECT_THAT(router(), Contains("--kv-events-text"));
  EXPECT_THAT(plan_on(recipe, local()).processes[0].command.argv, Contains("--kv-events-config"));
  recipe.frontend.type = "sglang";
  EXPECT_THAT(router(), Not(Contains("--kv-events")));
}

TEST(Staging, CopiesToEveryNodeAndIsWhereWorkersRead) {
  recipe::Recipe recipe = aggregated();
  recipe.model.stage_dir = "/local";
  const Plan plan = plan_on(recipe, slurm());
  ASSERT_EQ(plan.staging.size(), 2U);
  EXPECT_EQ(plan.staging[1].name, "stage_node02");
  EXPECT_TRUE(ends_with(plan.staging[1].launch_argv, {"bash", "-c", R"(mkdir -p "$1" && exec rsync -a "$0/" "$1/")",
                                                      "/models/Qwen3-32B", "/local/Qwen3-32B"}));
  EXPECT_THAT(plan.processes[0].command.mounts, Contains("/local/Qwen3-32B:/model"));
  EXPECT_EQ(plan.order.front().kind, StepKind::stage_model);
  EXPECT_EQ(plan_on(recipe, local()).staging.size(), 1U) << "all nodes are this host";
  recipe.backend.type = "model";
  EXPECT_TRUE(plan_on(recipe, slurm()).staging.empty()) << "no file of it is read";
}

TEST(Client, Replay) {
  recipe::Recipe recipe = disaggregated();
  recipe.benchmark.speed = 2.5;
  recipe.benchmark.limit_seconds = 60;
  recipe.benchmark.require = "goodput_fraction>=0.9";
  recipe.benchmark.client_placement = "last_decode";
  const Plan plan = plan_on(recipe, slurm());
  const Words start{
      "/opt/srtctl", "replay",        "-m", "Qwen3-32B", "--tokenizer", "/models/Qwen3-32B", "--url", "http://10.0.0.1:8000",
      "--streaming", "--random-seed", "42"};
  Words client = start;
  append(client, {"--input-file",
                  "/cache/conversation_trace.jsonl",
                  "--custom-dataset-type",
                  "mooncake_trace",
                  "--fixed-schedule",
                  "--speed",
                  "2.5",
                  "--fixed-schedule-end-offset",
                  "60000",
                  "--goodput",
                  "time_to_first_token:2000 inter_token_latency:25",
                  "--gpus",
                  "16",
                  "--require",
                  "goodput_fraction>=0.9",
                  "--server-metrics",
                  "http://10.0.0.1:29000/metrics",
                  "--ui",
                  "simple",
                  "--artifact-dir",
                  "/out/12345/artifacts/Qwen3-32B_conversation"});
  EXPECT_EQ(plan.benchmark.command->argv, client);
  EXPECT_EQ(plan.benchmark.command->node, 1) << "the node of the last decode worker";
  EXPECT_TRUE(plan.benchmark.command->container.empty()) << "nodes need only this program for it";
  Words warmup = start;
  append(warmup, {"--synthetic", "isl=550,osl=128", "--concurrency", "10", "--request-count", "20"});
  EXPECT_EQ(Words(plan.benchmark.warmup->argv.begin(), plan.benchmark.warmup->argv.begin() + 17), warmup);
  EXPECT_EQ(after(plan.benchmark.warmup->argv, "--artifact-dir"), "/out/12345/artifacts/warmup");
  EXPECT_FALSE(plan.benchmark.prepared_trace.has_value());

  recipe.benchmark.warmup_requests = 0;
  const Plan cold = plan_on(recipe, slurm());
  EXPECT_FALSE(cold.benchmark.warmup.has_value());
  EXPECT_EQ(std::ranges::count(cold.order, StepKind::flush, &Step::kind), 0);
}

TEST(Client, AiperfAsTheReference) {
  recipe::Recipe recipe = aggregated();
  recipe.benchmark.client = "aiperf";
  const Plan plan = plan_on(recipe, slurm());
  const Words install{"bash", "-c", R"(command -v "$1" >/dev/null || python3 -m pip install "$0" || exit; exec "$@")",
                      "aiperf"};
  Words warmup = install;
  // The reference's, but: the address instead of localhost, since the client may be on another node; and a folder of its own
  // for the warm-up's files, which would else lie in the working folder.
  append(warmup, {"aiperf", "profile", "-m", "Qwen3-32B", "--tokenizer", "/model", "--url", "http://10.0.0.1:8000",
                  "--streaming", "--ui", "simple", "--concurrency", "10", "--request-count", "20"});
  append(warmup, {"--artifact-dir", "/logs/artifacts/warmup"});
  EXPECT_EQ(plan.benchmark.warmup->argv, warmup);
  Words client = install;
  append(client, {"aiperf",
                  "profile",
                  "-m",
                  "Qwen3-32B",
                  "--tokenizer",
                  "/model",
                  "--input-file",
                  "/traces/conversation_trace.jsonl",
                  "--custom-dataset-type",
                  "mooncake_trace",
                  "--fixed-schedule",
                  "--url",
                  "http://10.0.0.1:8000",
                  "--streaming",
                  "--random-seed",
                  "42",
                  "--ui",
                  "simple",
                  "--artifact-dir",
                  "/logs/artifacts/Qwen3-32B_conversation"});
  // The reference names ports 7500 to 7507, on which nothing listens when workers are sglang's own; here the router's, which
  // has figures.
  append(client, {"--server-metrics", "http://10.0.0.1:29000/metrics"});
  append(client, {"--goodput", "time_to_first_token:2000 inter_token_latency:25"});
  // Else the model, not the trace, says how long answers are, and runs cannot be compared.
  append(client, {"--extra-inputs", "ignore_eos:true"});
  EXPECT_EQ(plan.benchmark.command->argv, client);
  EXPECT_EQ(plan.benchmark.command->container, "lmsysorg/sglang:v0.5.6.post2");
  EXPECT_EQ(plan.benchmark.command->environment, (Environment{{"AIPERF_HTTP_SO_RCVTIMEO", "120"}}));
  EXPECT_THAT(plan.benchmark.command->mounts, Contains("/out/12345/artifacts:/logs/artifacts"));
  EXPECT_THAT(plan.benchmark.command->mounts, Contains("/cache/conversation_trace.jsonl:/traces/conversation_trace.jsonl"));
  EXPECT_EQ(plan.benchmark.artifacts_dir, "/out/12345/artifacts/Qwen3-32B_conversation");
}

TEST(Client, AiperfHereWithFlagsAndAnotherTrace) {
  recipe::Recipe recipe = aggregated();
  recipe.benchmark.client = "aiperf";
  recipe.benchmark.aiperf_package = "aiperf==0.13.0";
  recipe.benchmark.speed = 10;
  recipe.benchmark.aiperf_args = flags({{"tokenizer", "Qwen/Qwen3-32B"}, {"export-level", "raw"}});
  const Plan plan = plan_on(recipe, local());
  const Words& argv = plan.benchmark.command->argv;
  EXPECT_EQ(argv[3], "aiperf==0.13.0");
  EXPECT_EQ(argv[4], "/venv/bin/aiperf");
  EXPECT_EQ(std::ranges::count(argv, "--tokenizer"), 1);
  EXPECT_EQ(after(argv, "--tokenizer"), "Qwen/Qwen3-32B");
  EXPECT_TRUE(ends_with(argv, {"--export-level", "raw", "--tokenizer", "Qwen/Qwen3-32B", "--extra-inputs", "ignore_eos:true"}));
  EXPECT_EQ(after(plan.benchmark.warmup->argv, "--tokenizer"), "Qwen/Qwen3-32B");
  EXPECT_EQ(after(argv, "--extra-inputs"), "ignore_eos:true");
  recipe.benchmark.aiperf_args = flags({{"extra-inputs", "ignore_eos:false"}});
  EXPECT_EQ(after(plan_on(recipe, local()).benchmark.command->argv, "--extra-inputs"), "ignore_eos:false");
  recipe.benchmark.aiperf_args = flags({{"extra-inputs", "temperature:0"}, {"ui-type", "none"}});
  const Words both = plan_on(recipe, local()).benchmark.command->argv;
  EXPECT_TRUE(ends_with(both, {"--extra-inputs", "ignore_eos:true", "temperature:0", "--ui-type", "none"}));
  EXPECT_EQ(std::ranges::count(both, "--extra-inputs"), 1);
  EXPECT_EQ(std::ranges::count(both, "--ui"), 0);
  ASSERT_TRUE(plan.benchmark.prepared_trace.has_value()) << "aiperf cannot replay it faster by itself";
  EXPECT_EQ(plan.benchmark.prepared_trace->speed, 10);
}

TEST(Client, CustomAndManual) {
  recipe::Recipe recipe = disaggregated();
  recipe.benchmark.type = "custom";
  recipe.benchmark.command = "echo \"$SRT_FRONTEND_HOST\"; exit 3";
  recipe.benchmark.container_image = "image";
  recipe.benchmark.env = {{"MINE", "1"}};
  const Plan plan = plan_on(recipe, slurm());
  EXPECT_EQ(plan.benchmark.command->argv, (Words{"bash", "-c", "echo \"$SRT_FRONTEND_HOST\"; exit 3"}));
  EXPECT_EQ(plan.benchmark.command->container, "image");
  EXPECT_FALSE(plan.benchmark.warmup.has_value());
  for (const auto& variable : Environment{{"SRTCTL_FRONTEND_TYPE", "sglang"},
                                          {"SRT_FRONTEND_HOST", "10.0.0.1"},
                                          {"SRT_FRONTEND_PORT", "8000"},
                                          {"AIPERF_SERVER_METRICS_URLS", "http://10.0.0.1:29000/metrics"},
                                          {"SRT_DECODE_ENDPOINTS", "10.0.0.2:6164,10.0.0.2:6196"},
                                          {"MINE", "1"}}) {
    EXPECT_THAT(plan.benchmark.command->environment, Contains(variable));
  }
  recipe.benchmark.type = "manual";
  const Plan manual = plan_on(recipe, slurm());
  EXPECT_FALSE(manual.benchmark.command.has_value());
  EXPECT_THAT(to_text(manual), HasSubstr("stays up at http://10.0.0.1:8000 until it is stopped"));
}

TEST(Secrets, AreNotShown) {
  recipe::Recipe recipe = aggregated();
  recipe.environment = {{"HF_TOKEN", "hf_abc"}};
  recipe.frontend.args = flags({{"api-key", "sk-def"}});
  recipe.benchmark.client = "aiperf";
  recipe.benchmark.aiperf_args = flags({{"header", "Authorization: Bearer sk-ghi"}});
  const Plan plan = plan_on(recipe, slurm());
  EXPECT_THAT(plan.processes[0].command.environment, Contains(Environment::value_type{"HF_TOKEN", "hf_abc"}));
  std::string json_text;
  JsonWriter json(json_text);
  write_json(plan, json);
  for (const std::string& shown : {to_text(plan), json_text}) {
    EXPECT_THAT(shown, Not(HasSubstr("hf_abc")));
    EXPECT_THAT(shown, Not(HasSubstr("sk-def")));
    EXPECT_THAT(shown, Not(HasSubstr("sk-ghi")));
    EXPECT_THAT(shown, HasSubstr("***"));
  }
}

TEST(BatchScript, AsTheReferenceAsks) {
  recipe::Recipe recipe = aggregated();
  recipe.slurm.time_limit = "02:00:00";
  recipe.slurm.account = "mine";
  recipe.sbatch_directives = {{"comment", "a b"}, {"requeue", ""}};
  Site site = slurm();
  site.cluster.default_partition = "gpu";
  site.cluster.default_account = "theirs";
  site.cluster.use_segment_sbatch_directive = true;
  site.cluster.use_exclusive_sbatch_directive = true;
  site.cluster.default_sbatch_directives = {{"comment", "theirs"}, {"qos", "high"}};
  site.cluster.default_bash_preamble = "module load x\n";
  EXPECT_EQ(batch_script(recipe, site, "/my runs"), R"(#!/bin/bash
#SBATCH --job-name=sample
#SBATCH --output="/my runs/%j/batch.out"
#SBATCH --nodes=2
#SBATCH --ntasks=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --segment=2
#SBATCH --exclusive
#SBATCH --account=mine
#SBATCH --partition=gpu
#SBATCH --time=02:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --comment="a b"
#SBATCH --qos=high
#SBATCH --requeue

module load x

out='/my runs'/"$SLURM_JOB_ID"
if [ -e "$out/srtslurm.yaml" ]; then export SRTSLURM_CONFIG="$out/srtslurm.yaml"; fi
exec /opt/srtctl submit --launcher srun -f "$out/recipe_resolved.yaml" -o "$out"
)");
}

TEST(BatchScript, SecretsAreReadFromAFileOfTheirOwn) {
  recipe::Recipe recipe = aggregated();
  recipe.environment = {{"HF_TOKEN", "hf_abc"}};
  const std::string script = batch_script(recipe, slurm(), "/o");
  EXPECT_THAT(script, HasSubstr("-f \"$out/recipe_with_secrets.yaml\" "));
  EXPECT_THAT(script, Not(HasSubstr("hf_abc")));
}

TEST(BatchScript, SignalIsASmallPartOfTheTime) {
  for (const auto& [limit, signal] : std::vector<std::pair<std::string, std::string>>{{"1", "B:TERM@10"},
                                                                                      {"4:00", "B:TERM@30"},
                                                                                      {"00:01:20", "B:TERM@10"},
                                                                                      {"1-0", "B:TERM@120"},
                                                                                      {"0-0:08", "B:TERM@60"}}) {
    recipe::Recipe recipe = aggregated();
    recipe.slurm.time_limit = limit;
    EXPECT_THAT(batch_script(recipe, slurm(), "/o"), HasSubstr("--signal=" + signal + "\n")) << limit;
  }
}

// The recipe's reader refuses such texts; should one come through, it stays where it is.
TEST(BatchScript, NothingBreaksOut) {
  const std::string evil = "x\n#SBATCH --nodes=99\n$(touch a) `touch b` \"'; touch c #SBATCH --nodes=98";
  recipe::Recipe recipe = aggregated();
  recipe.name = evil;
  recipe.slurm = {.account = evil, .partition = evil, .time_limit = evil};
  recipe.sbatch_directives = {{"comment", evil}};
  Site site = slurm();
  site.program = evil;
  const std::string script = batch_script(recipe, site, "/o");
  int directives = 0;
  std::size_t at = 0;
  for (std::size_t end = script.find('\n'); end != std::string::npos && at < script.find("\nout=");
       end = script.find('\n', at)) {
    const std::string line = script.substr(at, end - at);
    directives += line.starts_with("#SBATCH --") ? 1 : 0;
    EXPECT_FALSE(line.starts_with("#SBATCH --nodes=9")) << line;
    at = end + 1;
  }
  EXPECT_EQ(directives, 11);
  EXPECT_THAT(script,
              HasSubstr("exec 'x\n#SBATCH --nodes=99\n$(touch a) `touch b` \"'\\''; touch c #SBATCH --nodes=98' submit "));
}

}  // namespace
}  // namespace infbench::plan
