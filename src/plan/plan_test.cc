// Plans: the command lines of the two shipped recipes against those of the reference (srt-slurm 1.0.68) for the same
// deployments on node01=10.0.0.1 and node02=10.0.0.2, and what must hold of every plan.
#include "plan/plan.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "plan/command_lines.h"
#include "plan/plan_output.h"
#include "plan/words.h"
#include "recipe/read_recipe.h"
#include "recipe/recipe_samples.h"

namespace infbench::plan {
namespace {

using Words = std::vector<std::string>;

recipe::Recipe shipped(const std::string& name, const std::vector<std::string>& sets = {}) {
  const auto read = recipe::read_recipe("recipies/qwen3-32b/" + name + ".yaml", recipe::all_set(sets));
  EXPECT_TRUE(read.has_value()) << (read.has_value() ? "" : format_errors(read.error()));
  return read.value_or(recipe::Recipe{});
}

Plan plan_of(const recipe::Recipe& recipe) {
  Result<Plan> plan = make_plan(recipe, placeholder_inventory(recipe.nodes()));
  EXPECT_TRUE(plan.has_value());
  return plan.value_or(Plan{});
}

Plan plan_of_text(const std::string& text) {
  const auto recipe = recipe::read_recipe_text(text, "r.yaml");
  EXPECT_TRUE(recipe.has_value()) << (recipe.has_value() ? "" : format_errors(recipe.error()));
  return recipe.has_value() ? plan_of(*recipe) : Plan{};
}

// What one worker of the reference has.
struct Expected {
  std::string role;
  std::string node;
  std::string gpus;  // CUDA_VISIBLE_DEVICES
  std::string port, bootstrap, nccl;
};

constexpr std::string_view kYarn =
    R"({"rope_scaling":{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32768},"max_position_embeddings":131072})";

// The reference's command line of such a worker, with one difference on purpose: it gives --disaggregation-mode twice, once by
// itself and once because its recipes say it as well; here it stands once.
Words reference_argv(const Expected& worker) {
  Words argv{"python3",        "-m",        "sglang.launch_server",
             "--model-path",   "/model",    "--served-model-name",
             "Qwen/Qwen3-32B", "--host",    "0.0.0.0",
             "--port",         worker.port, "--nccl-port",
             worker.nccl};
  if (worker.role != "agg") argv.insert(argv.end(), {"--disaggregation-mode", worker.role});
  if (!worker.bootstrap.empty()) argv.insert(argv.end(), {"--disaggregation-bootstrap-port", worker.bootstrap});
  argv.insert(argv.end(),
              {"--context-length", "131072", "--json-model-override-args", std::string(kYarn), "--mem-fraction-static", "0.9",
               "--page-size", "64", "--tensor-parallel-size", "2", "--trust-remote-code"});
  return argv;
}

void expect_workers(const Plan& plan, const std::vector<Expected>& expected) {
  ASSERT_EQ(plan.processes.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const WorkerProcess& process = plan.processes[i];
    EXPECT_EQ(name_of(process.role), expected[i].role);
    EXPECT_EQ(plan.inventory.nodes[static_cast<std::size_t>(process.node)].name, expected[i].node);
    EXPECT_EQ(process.command.environment, (Environment{{"CUDA_VISIBLE_DEVICES", expected[i].gpus}}));
    EXPECT_EQ(process.command.argv, reference_argv(expected[i])) << "worker " << i;
  }
}

TEST(Plan, AggregatedAsTheReference) {
  const Plan plan = plan_of(shipped("agg-round-robin"));
  expect_workers(plan, {{"agg", "node01", "0,1", "6100", "", "17500"},
                        {"agg", "node01", "2,3", "6132", "", "17501"},
                        {"agg", "node01", "4,5", "6164", "", "17502"},
                        {"agg", "node01", "6,7", "6196", "", "17503"},
                        {"agg", "node02", "0,1", "6100", "", "17504"},
                        {"agg", "node02", "2,3", "6132", "", "17505"},
                        {"agg", "node02", "4,5", "6164", "", "17506"},
                        {"agg", "node02", "6,7", "6196", "", "17507"}});
  // The reference's recipe for this deployment routes by cache_aware, ours in turn. And the reference leaves the router to look
  // at starting workers every 30 s: a deployment that is up would wait half of that for nothing.
  EXPECT_EQ(plan.router.command.argv, (Words{"python",
                                             "-m",
                                             "sglang_router.launch_router",
                                             "--worker-urls",
                                             "http://10.0.0.1:6100",
                                             "http://10.0.0.1:6132",
                                             "http://10.0.0.1:6164",
                                             "http://10.0.0.1:6196",
                                             "http://10.0.0.2:6100",
                                             "http://10.0.0.2:6132",
                                             "http://10.0.0.2:6164",
                                             "http://10.0.0.2:6196",
                                             "--host",
                                             "0.0.0.0",
                                             "--port",
                                             "8000",
                                             "--worker-startup-check-interval",
                                             "1",
                                             "--policy",
                                             "round_robin"}));
  EXPECT_EQ(plan.router.command.node, 0);
  EXPECT_EQ(plan.readiness.url, "http://10.0.0.1:8000/workers");
  EXPECT_EQ(plan.readiness.regular, 8);
  EXPECT_EQ(plan.readiness.prefill + plan.readiness.decode, 0);
  EXPECT_EQ(plan.readiness.timeout_s, 1800);
}

TEST(Plan, DisaggregatedAsTheReference) {
  const Plan plan = plan_of(shipped("disagg-kv-router"));
  expect_workers(plan, {{"prefill", "node01", "0,1", "6100", "7200", "17500"},
                        {"prefill", "node01", "2,3", "6132", "7201", "17501"},
                        {"prefill", "node01", "4,5", "6164", "7202", "17502"},
                        {"prefill", "node01", "6,7", "6196", "7203", "17503"},
                        {"prefill", "node02", "0,1", "6100", "7200", "17504"},
                        {"prefill", "node02", "2,3", "6132", "7201", "17505"},
                        {"decode", "node02", "4,5", "6164", "", "17506"},
                        {"decode", "node02", "6,7", "6196", "", "17507"}});
  EXPECT_EQ(plan.router.command.argv, (Words{"python",
                                             "-m",
                                             "sglang_router.launch_router",
                                             "--pd-disaggregation",
                                             "--prefill",
                                             "http://10.0.0.1:6100",
                                             "7200",
                                             "--prefill",
                                             "http://10.0.0.1:6132",
                                             "7201",
                                             "--prefill",
                                             "http://10.0.0.1:6164",
                                             "7202",
                                             "--prefill",
                                             "http://10.0.0.1:6196",
                                             "7203",
                                             "--prefill",
                                             "http://10.0.0.2:6100",
                                             "7200",
                                             "--prefill",
                                             "http://10.0.0.2:6132",
                                             "7201",
                                             "--decode",
                                             "http://10.0.0.2:6164",
                                             "--decode",
                                             "http://10.0.0.2:6196",
                                             "--host",
                                             "0.0.0.0",
                                             "--port",
                                             "8000",
                                             "--worker-startup-check-interval",
                                             "1",
                                             "--policy",
                                             "cache_aware"}));
  EXPECT_EQ(plan.readiness.prefill, 6);
  EXPECT_EQ(plan.readiness.decode, 2);
  EXPECT_EQ(plan.readiness.regular, 0);
}

// Recipes of the reference say the mode in the flags as well: they must be readable, and the flag must not stand twice.
TEST(Plan, ModeStandsOnce) {
  const auto recipe = shipped("disagg-kv-router", {"backend.sglang_config.prefill.disaggregation-mode=prefill",
                                                   "backend.sglang_config.decode.disaggregation_mode=decode"});
  for (const WorkerProcess& process : plan_of(recipe).processes) {
    EXPECT_EQ(std::ranges::count(process.command.argv, "--disaggregation-mode"), 1);
  }
}

TEST(Plan, BenchmarkAndOrder) {
  const Plan plan = plan_of(shipped("disagg-kv-router"));
  EXPECT_EQ(plan.benchmark.type, "mooncake-router");
  EXPECT_EQ(plan.benchmark.workload, "conversation");
  EXPECT_EQ(plan.benchmark.ttft_threshold_ms, 2000);
  EXPECT_EQ(plan.benchmark.itl_threshold_ms, 25);
  EXPECT_EQ(plan.benchmark.url, "http://10.0.0.1:8000");
  EXPECT_EQ(plan.benchmark.model, "Qwen/Qwen3-32B");
  // The reference's client runs in the model's container and says /model; ours runs on the node as it is.
  EXPECT_EQ(plan.benchmark.tokenizer, "/models/Qwen3-32B");
  ASSERT_EQ(plan.order.size(), 13U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(plan.order[i].kind, StepKind::worker);
    EXPECT_EQ(plan.order[i].process, static_cast<int>(i));
  }
  EXPECT_EQ(plan.order[8].kind, StepKind::router);
  EXPECT_EQ(plan.order[9].kind, StepKind::ready);
  EXPECT_EQ(plan.order[10].kind, StepKind::warmup);
  EXPECT_EQ(plan.order[11].kind, StepKind::flush);
  EXPECT_EQ(plan.order[12].kind, StepKind::benchmark);
}

TEST(Plan, WorkersForTheVirtualCluster) {
  const Plan plan = plan_of(shipped("disagg-kv-router"));
  ASSERT_EQ(plan.workers.size(), 8U);
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(plan.workers[i].id, WorkerId{i});
    EXPECT_EQ(plan.workers[i].role, i < 6 ? Role::prefill : Role::decode);
    EXPECT_EQ(plan.workers[i].node, i < 4 ? 0 : 1);
    EXPECT_EQ(plan.workers[i].gpus.size(), 2U);
    EXPECT_EQ(plan.workers[i].tensor_parallel, 2);
  }
}

TEST(Plan, TheRecipeSaysHowOftenTheRouterLooksAtStartingWorkers) {
  const Words argv = plan_of(shipped("agg-round-robin", {"frontend.args.worker-startup-check-interval=5"})).router.command.argv;
  const auto at = std::ranges::find(argv, "--worker-startup-check-interval");
  ASSERT_NE(at, argv.end());
  EXPECT_EQ(*(at + 1), "5");
  EXPECT_EQ(std::ranges::count(argv, *at), 1);
}

// It is how often sglang-router asks for loads, too, and simulate has that as it is shipped: 30 s.
TEST(Plan, APolicyThatPollsLoadsPollsThemAsShipped) {
  const Words argv = plan_of(shipped("agg-round-robin", {"frontend.args.policy=power_of_two"})).router.command.argv;
  EXPECT_EQ(std::ranges::count(argv, "--worker-startup-check-interval"), 0);
}

TEST(Plan, OwnRouter) {
  const Words sets{"frontend.type=srtctl", "frontend.args={}"};
  const Words facts{"--host",
                    "0.0.0.0",
                    "--port",
                    "8000",
                    "--prometheus-host",
                    "0.0.0.0",
                    "--prometheus-port",
                    "29000",
                    "--policy",
                    "slo",  // its default is named
                    "--gpu",
                    "h200",
                    "--model",
                    "Qwen/Qwen3-32B",
                    "--precision",
                    "bf16",
                    "--engine",
                    "sglang",
                    "--tp",
                    "2",
                    "--mem-fraction-static",
                    "0.9",
                    "--chunked-prefill-size",
                    "8192",
                    "--ttft-ms",
                    "2000",
                    "--itl-ms",
                    "25"};
  Words aggregated{"srtctl", "route", "--worker-urls"};
  for (const char* node : {"10.0.0.1", "10.0.0.2"}) {
    for (const char* port : {"6100", "6132", "6164", "6196"}) {
      aggregated.push_back("http://" + std::string(node) + ":" + port);
    }
  }
  aggregated.insert(aggregated.end(), facts.begin(), facts.end());
  EXPECT_EQ(plan_of(shipped("agg-round-robin", sets)).router.command.argv, aggregated);

  const Words pairs = plan_of(shipped("disagg-kv-router", sets)).router.command.argv;
  EXPECT_EQ(Words(pairs.begin(), pairs.begin() + 6),
            (Words{"srtctl", "route", "--pd-disaggregation", "--prefill", "http://10.0.0.1:6100", "7200"}));
  EXPECT_EQ(Words(pairs.end() - static_cast<std::ptrdiff_t>(facts.size()), pairs.end()), facts);
}

// frontend.args go to it as they would to sglang-router; what they say is not said twice.
TEST(Plan, OwnRouterAsTheRecipeWantsIt) {
  const Words argv =
      plan_of(shipped("disagg-kv-router", {"frontend.type=srtctl", "frontend.args.gpu=h100", "engine.kv_tokens=1000",
                                           "frontend.args.prometheus-port=29001", "frontend.args.disable-retries=true",
                                           "resources.gpus_per_decode=1", "backend.sglang_config.decode.tensor-parallel-size=1",
                                           "frontend.args.request-id-headers=[x-a, x-b]"}))
          .router.command.argv;
  const auto facts = std::ranges::find(argv, "--port") + 2;
  EXPECT_EQ(Words(facts, argv.end()), (Words{"--prometheus-host",
                                             "0.0.0.0",
                                             "--model",
                                             "Qwen/Qwen3-32B",
                                             "--precision",
                                             "bf16",
                                             "--engine",
                                             "sglang",
                                             "--tp",
                                             "2",
                                             "--decode-tp",
                                             "1",
                                             "--kv-tokens",
                                             "1000",
                                             "--chunked-prefill-size",
                                             "8192",
                                             "--ttft-ms",
                                             "2000",
                                             "--itl-ms",
                                             "25",
                                             "--disable-retries",
                                             "--gpu",
                                             "h100",
                                             "--policy",
                                             "cache_aware",
                                             "--prometheus-port",
                                             "29001",
                                             "--request-id-headers",
                                             "x-a",
                                             "x-b"}));
}

TEST(Plan, WorkerOverTwoNodes) {
  const Plan plan = plan_of_text(recipe::edited(
      recipe::kAggregated, {{"agg_workers: 8", "agg_workers: 1"}, {"tensor-parallel-size: 2", "tensor-parallel-size: 16"}}));
  ASSERT_EQ(plan.workers.size(), 1U);
  EXPECT_EQ(plan.workers[0].nodes, 2);
  ASSERT_EQ(plan.processes.size(), 2U);
  for (int rank = 0; rank < 2; ++rank) {
    const WorkerProcess& process = plan.processes[static_cast<std::size_t>(rank)];
    EXPECT_EQ(process.node, rank);
    EXPECT_EQ(process.gpus.size(), 8U);
    EXPECT_TRUE(process.command.environment.empty()) << "it has the whole node";
    EXPECT_EQ(Words(process.command.argv.begin() + 13, process.command.argv.begin() + 19),
              (Words{"--dist-init-addr", "10.0.0.1:8300", "--nnodes", "2", "--node-rank", std::to_string(rank)}));
  }
  EXPECT_EQ(std::ranges::count(plan.router.command.argv, "http://10.0.0.1:6100"), 1);
  EXPECT_EQ(std::ranges::count(plan.router.command.argv, "http://10.0.0.2:6100"), 0) << "only rank 0 serves";
  EXPECT_EQ(plan.readiness.regular, 1);
}

TEST(Plan, EnvironmentOfWorkersAndRouter) {
  const Plan plan = plan_of_text(recipe::edited(recipe::kAggregated, {{"frontend:", R"(environment:
  COMMON: all
  BOTH: wins
frontend:
  env: {ROUTER: '1'})"},
                                                                      {"backend:", R"(backend:
  aggregated_environment:
    BOTH: loses
    JSON: '{"x":1}'
    WHERE: '{node}-{node_id}-{other}')"}}));
  EXPECT_EQ(plan.processes[4].command.environment, (Environment{{"BOTH", "wins"},
                                                                {"JSON", "{\"x\":1}"},
                                                                {"WHERE", "node02-1-{other}"},
                                                                {"COMMON", "all"},
                                                                {"CUDA_VISIBLE_DEVICES", "0,1"}}));
  EXPECT_EQ(plan.router.command.environment, (Environment{{"ROUTER", "1"}}));
}

TEST(Plan, InventoryMustHaveTheNodes) {
  const Result<Plan> plan = make_plan(shipped("agg-round-robin"), placeholder_inventory(1));
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(format_errors(plan.error()), "the recipe asks for 2 nodes, found 1: ask for fewer nodes, or give it more\n");
  const Result<Plan> more = make_plan(shipped("agg-round-robin"), placeholder_inventory(5));
  ASSERT_TRUE(more.has_value());
  EXPECT_EQ(more->inventory.nodes.size(), 2U) << "the first ones are used";
}

TEST(Plan, ShellLineReadsBackAsTheWords) {
  EXPECT_EQ(shell_line({{"A", "b c"}, {"E", ""}}, Words{"x", "", "it's", "--f={\"a\":1}", "/p-1_2.3:4", "$HOME", "~", "{a,b}"}),
            R"(A='b c' E= x '' 'it'\''s' '--f={"a":1}' /p-1_2.3:4 '$HOME' '~' '{a,b}')");
}

TEST(Plan, TextShowsTableCommandsAndLimits) {
  const std::string text = to_text(plan_of(shipped("disagg-kv-router")));
  for (const std::string_view part :
       {"qwen3-32b-disagg-kv-router: 6 prefill and 2 decode workers on 2 nodes with 8 GPUs each\n",
        "Names and addresses of nodes are placeholders.\n",
        "  node02       10.0.0.2         prefill 5          2,3                   6132     17505      7201\n",
        "\n# decode 1 on node02, log outputs/JOB/logs/node02_decode_w1.out\nCUDA_VISIBLE_DEVICES=6,7 srun --jobid JOB "
        "--overlap ",
        " env CUDA_VISIBLE_DEVICES=6,7 python3 -m sglang.launch_server --model-path /model ",
        " --json-model-override-args '{\"rope_scaling\":", "\n# router on node01, log outputs/JOB/logs/router.out\nsrun ",
        " python -m sglang_router.launch_router --pd-disaggregation ",
        "lists 6 prefill and 2 decode workers, all healthy, within 1800 s\n", "\n# warm-up on node01, ",
        "good is TTFT <= 2000 ms and ITL <= 25 ms\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(std::string(part)));
  }
}

TEST(Plan, JsonSaysTheSame) {
  std::string out;
  JsonWriter json(out);
  write_json(plan_of(shipped("disagg-kv-router")), json);
  EXPECT_TRUE(json.complete());
  for (
      const std::string_view part :
      {R"({"name":"qwen3-32b-disagg-kv-router","site":{"launcher":"slurm","bind":"0.0.0.0","one_host":false,"job":"JOB",)",
       R"("output_dir":"outputs/JOB"},"placeholder_nodes":true,"nodes":[{"name":"node01","address":"10.0.0.1","gpus":8},)",
       R"({"worker":5,"role":"prefill","index":5,"rank":0,"node":"node02","gpus":[2,3],)",
       R"("ports":{"http":6132,"nccl":17505,"bootstrap":7201,"kv_events":null,"dist_init":null},)",
       R"("command":{"name":"node02_prefill_w5","node":"node02","log":"outputs/JOB/logs/node02_prefill_w5.out",)",
       R"("argv":["python3","-m","sglang.launch_server",)",
       R"("ports":{"http":6196,"nccl":17507,"bootstrap":null,"kv_events":null,"dist_init":null})",
       R"("environment":{"CUDA_VISIBLE_DEVICES":"6,7"})",
       R"("router":{"node":"node01","port":8000,"metrics_port":29000,"url":"http://10.0.0.1:8000","command":{"name":"router",)",
       R"("readiness":{"url":"http://10.0.0.1:8000/workers","prefill":6,"decode":2,"regular":0,"timeout_s":1800})",
       R"("ttft_threshold_ms":2000,"itl_threshold_ms":25)",
       R"({"start":"router"},{"wait":"readiness"},{"start":"warmup"},{"do":"flush"},{"start":"benchmark"}]})"}) {
    EXPECT_THAT(out, ::testing::HasSubstr(std::string(part)));
  }
}

// A recipe with some topology; most of them fit, and the others the reader must refuse rather than the plan.
std::string random_recipe() {
  const int gpus_per_node = *rc::gen::element(1, 2, 4, 8, 16, 32);
  const int nodes = *rc::gen::inRange(1, 6);
  const int workers = *rc::gen::inRange(1, 12);
  const int gpus = *rc::gen::element(1, 2, 4, 8, 16, 64);
  const std::string tp = "tensor-parallel-size: " + std::to_string(gpus);
  const auto line = [](std::string_view key, int value) { return "\n  " + std::string(key) + ": " + std::to_string(value); };
  const std::string node_line = "gpus_per_node: " + std::to_string(gpus_per_node);
  if (*rc::gen::arbitrary<bool>()) {
    return recipe::edited(recipe::kAggregated,
                          {{"gpus_per_node: 8\n  agg_nodes: 2\n  agg_workers: 8",
                            node_line + line("agg_nodes", nodes) + line("agg_workers", workers) + line("gpus_per_agg", gpus)},
                           {"tensor-parallel-size: 2", tp}});
  }
  const int decode_gpus = *rc::gen::element(1, 2, 4, 8);
  return recipe::edited(recipe::kDisaggregated,
                        {{"gpus_per_node: 8\n  prefill_nodes: 2\n  prefill_workers: 6\n  decode_nodes: 0\n  decode_workers: 2",
                          node_line + line("prefill_nodes", nodes) + line("prefill_workers", workers) +
                              line("gpus_per_prefill", gpus) + line("decode_nodes", *rc::gen::inRange(0, 3)) +
                              line("decode_workers", *rc::gen::inRange(1, 12)) + line("gpus_per_decode", decode_gpus)},
                         {"tensor-parallel-size: 2", tp},
                         {"tensor-parallel-size: 2", "tensor-parallel-size: " + std::to_string(decode_gpus)}});
}

// `one_host`: all nodes have one set of ports.
void expect_used_once(const Plan& plan, bool one_host) {
  std::set<std::pair<int, int>> gpus;
  std::set<std::pair<int, int>> ports;
  const auto use = [&](int node, int port) {
    RC_ASSERT(port >= 0 && port < 65536);
    if (port != 0) RC_ASSERT(ports.insert({one_host ? 0 : node, port}).second);
  };
  use(plan.router.command.node, plan.router.port);
  use(plan.router.command.node, plan.router.metrics_port);
  for (const WorkerProcess& process : plan.processes) {
    RC_ASSERT(process.node >= 0 && process.node < static_cast<int>(plan.inventory.nodes.size()));
    for (const int gpu : process.gpus) {
      RC_ASSERT(gpu >= 0 && gpu < plan.gpus_per_node);
      RC_ASSERT(gpus.insert({process.node, gpu}).second);
    }
    const Ports& own = process.ports;
    for (const int port : {own.http, own.nccl, own.bootstrap, own.kv_events}) use(process.node, port);
    if (process.rank == 0) use(process.node, plan.workers[process.worker.value].dist_init_port);
  }
  if (!one_host) return;
  RC_ASSERT(ports.begin()->second >= plan.site.port_base);
  RC_ASSERT(static_cast<int>(ports.rbegin()->second) < plan.site.port_base + 2 + 5 * static_cast<int>(plan.processes.size()));
}

RC_GTEST_PROP(PlanProperties, NoGpuAndNoPortTwice, ()) {
  auto recipe = recipe::read_recipe_text(random_recipe(), "r.yaml");
  RC_TAG(recipe.has_value() ? "fits" : "refused");
  if (!recipe.has_value()) {
    for (const Error& error : recipe.error()) RC_ASSERT(error.line > 0);
    return;
  }
  if (*rc::gen::arbitrary<bool>()) {
    recipe->backend.prefill_kv_events = recipe->backend.aggregated_kv_events = recipe::KvEvents{};
  }
  Site site;
  const bool one_host = *rc::gen::arbitrary<bool>();
  site.launcher = *rc::gen::element(LauncherKind::slurm, LauncherKind::local);
  site.shared_host = one_host;
  site.port_base = 21000;
  const Result<Plan> plan = make_plan(*recipe, placeholder_inventory(recipe->nodes()), site);
  RC_ASSERT(plan.has_value());
  expect_used_once(*plan, one_host || site.launcher == LauncherKind::local);
  int asked = 0;
  for (const auto& group : recipe->groups()) asked += group.workers * group.gpus_per_worker;
  int used = 0;
  for (const WorkerProcess& process : plan->processes) used += static_cast<int>(process.gpus.size());
  RC_ASSERT(used == asked);
}

// The launcher asks with the recipe's key, so neither its router nor its client may have one from elsewhere.
TEST(RouterKey, IsTheRecipes) {
  struct Case {
    std::string type, frontend, key;
    bool in_environment;  // of the router
  };
  for (const Case& c : std::vector<Case>{{"srtctl", "", "", false},
                                         {"srtctl", "    api-key: a\n", "a", true},
                                         {"srtctl", "  env: {SRTCTL_API_KEY: b}\n", "b", true},
                                         {"srtctl", "    api-key: a\n  env: {SRTCTL_API_KEY: b}\n", "a", true},
                                         {"sglang", "    api-key: a\n", "a", false},
                                         {"sglang", "  env: {SRTCTL_API_KEY: b}\n", "", true}}) {
    const Plan plan = plan_of_text(recipe::edited(
        recipe::kAggregated, {{"type: sglang", "type: " + c.type}, {"round_robin\n", "round_robin\n" + c.frontend}}));
    EXPECT_EQ(plan.router.api_key, c.key) << c.type << c.frontend;
    const Command& router = plan.router.command;
    const Command& client = *plan.benchmark.command;
    for (const Command* command : {&router, &client}) {
      EXPECT_EQ(std::ranges::count(command->unset, kKeyVariable), c.key.empty() ? 1 : 0) << command->name;
    }
    EXPECT_EQ(std::ranges::count(router.environment, kKeyVariable, &Environment::value_type::first), c.in_environment ? 1 : 0);
    EXPECT_EQ(std::ranges::count(router.argv, "--api-key"), c.type == "sglang" && !c.key.empty() ? 1 : 0);
    EXPECT_EQ(client.environment, c.key.empty() ? Environment{} : Environment({{kKeyVariable, c.key}}));
  }
}

}  // namespace
}  // namespace infbench::plan
