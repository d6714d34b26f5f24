// submit --launcher local, end to end: the built srtctl starts workers (the engine model), a stand-in for the router, and the
// client. After each run: the exit code, result.json, and that no process of it is left.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <string>
#include <vector>

#include "submit_for_test.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(SubmitTest, RunsARecipeToItsEnd) {
  const Finished run = submit({"--set", "benchmark.limit_seconds=20", "--set", "benchmark.speed=10"});
  expect_nothing_left();
  EXPECT_THAT(run.exit_code, AnyOf(0, 6)) << run.out << run.err;  // 6: the machine was too busy to send in time
  EXPECT_EQ(bool(result()["valid"]), run.exit_code == 0);
  EXPECT_GT(std::int64_t(result()["summary"]["requests"]), 10);
  EXPECT_EQ(std::int64_t(result()["summary"]["errors"]), 0);
  EXPECT_EQ(std::int64_t(result()["gpus"]), 4);
  EXPECT_EQ(std::string_view(result()["policy"]), "round_robin");
  EXPECT_EQ(std::string_view(result()["topology"]), "2 agg workers, TP2");
  EXPECT_EQ(std::string_view(result()["trace"]["sha256"]).size(), 64U);
  EXPECT_THAT(run.out, HasSubstr("goodput"));
  for (const char* phase : {"starting", "waiting", "warm-up", "flush", "measuring", "collecting", "teardown"}) {
    EXPECT_THAT(run.err, HasSubstr(std::string("phase: ") + phase));
  }
  EXPECT_THAT(status(), HasSubstr("\"phase\": \"ended\""));
  EXPECT_EQ(read_text(out() + "/recipe.yaml"), kSmallRecipe);
  for (const char* file : {"plan.json", "report.html", "fingerprint.json", "recipe_resolved.yaml",
                           "artifacts/Qwen3-32B_conversation/summary.json", "logs/benchmark.out"}) {
    EXPECT_THAT(read_text(out() + "/" + file), Not(IsEmpty())) << file;
  }
}

TEST_F(SubmitTest, SecretsReachTheWorkersAndNoFileAndLogsMayBeElsewhere) {
  const std::string logs = folder_ + "/elsewhere";
  Running run(command({"--set", "environment.MY_TOKEN=kept-from-readers", "--set", "output.log_dir=" + logs + "/{job_id}",
                       "--set", "benchmark.speed=0.1"}),
              environment_);
  wait_for_phase("measuring");
  EXPECT_THAT(read_text("/proc/" + std::to_string(worker(0)) + "/environ"), HasSubstr("MY_TOKEN=kept-from-readers"));
  run.stop(SIGINT);
  expect_nothing_left();
  for (const auto& entry : fs::recursive_directory_iterator(out())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(read_text(entry.path()), Not(HasSubstr("kept-from-readers"))) << entry.path();
  }
  const std::string resolved = read_text(out() + "/recipe_resolved.yaml");
  EXPECT_THAT(resolved, HasSubstr("MY_TOKEN: \"***\""));
  EXPECT_THAT(resolved, HasSubstr("itl_threshold_ms: 25")) << "with every default";
  EXPECT_EQ(fs::status(out() + "/recipe.yaml").permissions(), fs::perms::owner_read | fs::perms::owner_write);

  const std::string log = read_text(logs + "/out/node01_agg_w0.out");
  EXPECT_THAT(log, Not(IsEmpty()));
  const Finished shown = srtctl({"logs", out(), "node01_agg_w0"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out, log);
}

// With our own gateway nothing but srtctl runs: there is no Python in the folder of programs. Its key is the recipe's: none, or
// that of frontend.env, whatever the environment of whoever submits has.
TEST_F(SubmitTest, RunsWithOurOwnGateway) {
  fs::remove_all(folder_ + "/bin");
  environment_.emplace_back("SRTCTL_API_KEY=of-something-else");
  const std::vector<std::string> ours = {"--set", "frontend.type=srtctl",       "--unset", "frontend.args.policy",
                                         "--set", "benchmark.limit_seconds=20", "--set",   "benchmark.speed=10"};
  const std::vector<std::string> pairs = {"--unset", "resources.agg_nodes",
                                          "--unset", "resources.agg_workers",
                                          "--set",   "resources.prefill_nodes=1",
                                          "--set",   "resources.prefill_workers=1",
                                          "--set",   "resources.gpus_per_prefill=2",
                                          "--set",   "resources.decode_nodes=0",
                                          "--set",   "resources.decode_workers=1",
                                          "--unset", "backend.sglang_config.aggregated",
                                          "--set",   "backend.sglang_config.prefill={tensor-parallel-size: 2, page-size: 64}",
                                          "--set",   "backend.sglang_config.decode={tensor-parallel-size: 2, page-size: 64}",
                                          "--set",   "frontend.env={SRTCTL_API_KEY: of-this-run}",
                                          "--set",   "backend.sglang_config.prefill.served-model-name=Qwen/Qwen3-32B",
                                          "--set",   "backend.sglang_config.decode.served-model-name=Qwen/Qwen3-32B"};
  for (const auto& [more, topology] :
       {std::pair{std::vector<std::string>{}, "2 agg workers, TP2"}, std::pair{pairs, "1 prefill + 1 decode workers, TP2"}}) {
    std::vector<std::string> words = ours;
    words.insert(words.end(), more.begin(), more.end());
    const Finished run = submit(words);
    expect_nothing_left();
    ASSERT_THAT(run.exit_code, AnyOf(0, 6)) << run.out << run.err << read_text(out() + "/logs/router.out");
    EXPECT_GT(std::int64_t(result()["summary"]["requests"]), 10);
    EXPECT_EQ(std::int64_t(result()["summary"]["errors"]), 0);
    EXPECT_EQ(std::string_view(result()["policy"]), "slo") << "the default of our gateway";
    EXPECT_EQ(std::string_view(result()["topology"]), topology);
    EXPECT_THAT(read_text(out() + "/logs/router.out"), AllOf(HasSubstr("policy slo"), Not(HasSubstr("warning"))));
    fs::remove_all(out());
  }
}

TEST_F(SubmitTest, PrintsOneDocument) {
  const Finished run = submit({"--json", "--set", "benchmark.limit_seconds=5", "--set", "benchmark.speed=10"});
  simdjson::dom::parser parser;
  simdjson::dom::array runs;
  ASSERT_EQ(parser.parse(simdjson::padded_string(run.out))["runs"].get(runs), simdjson::SUCCESS) << run.out << run.err;
  EXPECT_EQ(runs.size(), 1U);
}

TEST_F(SubmitTest, AWorkerThatExitsWhileItLoadsStopsTheRun) {
  // A worker that does not find its step times.
  const Finished run = submit({"--set", "backend.aggregated_environment.SRTCTL_DATA_DIR=/nowhere"});
  expect_nothing_left();
  EXPECT_EQ(run.exit_code, 4) << run.out << run.err;
  EXPECT_THAT(reason(), HasSubstr("exited with code 2 while waiting"));
  EXPECT_THAT(run.err, HasSubstr("the last lines of"));
  EXPECT_FALSE(bool(result()["valid"]));
}

TEST_F(SubmitTest, AWorkerKilledWhileMeasuringStopsTheRun) {
  Running run(command({"--set", "benchmark.speed=0.1"}), environment_);
  wait_for_phase("measuring");
  kill(worker(1), SIGKILL);
  const Finished finished = run.stop(0);
  expect_nothing_left();
  EXPECT_EQ(finished.exit_code, 4) << finished.out << finished.err;
  EXPECT_THAT(reason(), HasSubstr("was killed by signal 9 while measuring"));
}

TEST_F(SubmitTest, CtrlCWhileLoading) {
  // A router that never knows its workers.
  fs::remove(folder_ + "/bin/python");
  fs::remove(folder_ + "/bin/python3");
  for (const char* name : {"python", "python3"}) {
    write_text(folder_ + "/bin/" + name, "#!/bin/sh\nexec sleep 600\n");
    fs::permissions(folder_ + "/bin/" + name, fs::perms::owner_all);
  }
  Running run(command({}), environment_);
  wait_for_phase("waiting");
  const Finished finished = run.stop(SIGINT);
  expect_nothing_left();
  EXPECT_EQ(finished.exit_code, 130) << finished.out << finished.err;
  EXPECT_EQ(reason(), "interrupted while waiting");
  EXPECT_TRUE(bool(result()["interrupted"]));
}

TEST_F(SubmitTest, CtrlCWhileMeasuringKeepsWhatWasMeasured) {
  Running run(command({"--set", "benchmark.speed=0.5"}), environment_);
  wait_for_phase("measuring");
  wait_until([&] { return !read_text(out() + "/artifacts/Qwen3-32B_conversation/profile_export.jsonl").empty(); });
  const Finished finished = run.stop(SIGINT);
  expect_nothing_left();
  EXPECT_EQ(finished.exit_code, 130) << finished.out << finished.err;
  EXPECT_EQ(reason(), "interrupted while measuring");
  EXPECT_GE(std::int64_t(result()["summary"]["requests"]), 1);
  EXPECT_TRUE(bool(result()["summary"]["live"]["interrupted"]));
}

TEST_F(SubmitTest, NotReadyInTime) {
  fs::remove(folder_ + "/bin/python");
  fs::remove(folder_ + "/bin/python3");
  for (const char* name : {"python", "python3"}) {
    write_text(folder_ + "/bin/" + name, "#!/bin/sh\nexec sleep 600\n");
    fs::permissions(folder_ + "/bin/" + name, fs::perms::owner_all);
  }
  const Finished run = submit({"--set", "health_check.max_attempts=2"});
  expect_nothing_left();
  EXPECT_EQ(run.exit_code, 5) << run.out << run.err;
  EXPECT_THAT(reason(), HasSubstr("not ready within 2 s: router http://127.0.0.1:"));
}

TEST_F(SubmitTest, NothingIsLeftWhenSrtctlItselfIsKilled) {
  Running run(command({"--set", "benchmark.speed=0.1"}), environment_);
  wait_for_phase("measuring");
  EXPECT_GE(processes_with(mark_).size(), 5U);  // itself, its guard, two workers, the router, the client
  run.stop(SIGKILL);
  wait_until([&] { return processes_with(mark_).empty(); });
}

TEST_F(SubmitTest, WhatCannotBegin) {
  const Finished no_slurm = run_program({SRTCTL, "submit", "-f", folder_ + "/small.yaml"}, {"PATH=" + folder_});
  EXPECT_EQ(no_slurm.exit_code, 2);
  EXPECT_THAT(no_slurm.err, HasSubstr("--launcher local"));
  EXPECT_THAT(no_slurm.err, HasSubstr("srtctl simulate"));

  const Finished no_trace = run_program(command({}), {"SRTCTL_TRACE_DIR=", "XDG_CACHE_HOME=" + folder_});
  EXPECT_EQ(no_trace.exit_code, 2);
  EXPECT_THAT(no_trace.err, HasSubstr("srtctl trace fetch conversation"));

  fs::create_directories(folder_ + "/models");
  const Finished no_model = submit({"--set", "backend.type=sglang", "--unset", "engine.time_scale", "--set",
                                    "model.path=" + folder_ + "/models/Qwen", "--set", "setup_script=no.sh"});
  EXPECT_EQ(no_model.exit_code, 2);
  EXPECT_THAT(no_model.err, HasSubstr("model.path: '" + folder_ + "/models/Qwen' does not exist"));
  EXPECT_THAT(no_model.err, HasSubstr("setup_script: './configs/no.sh' is not there"));
  EXPECT_FALSE(fs::exists(out()));

  fs::create_directories(out());
  write_text(out() + "/status.json", "{}");
  const Finished used = submit();
  EXPECT_EQ(used.exit_code, 3);
  EXPECT_THAT(used.err, HasSubstr("has a run in it already"));
}

}  // namespace
}  // namespace infbench::tests
