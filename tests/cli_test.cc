// The commands as a person meets them: help, exit codes, what is printed where.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "srtctl.h"

namespace infbench::tests {
namespace {

TEST(Cli, HelpOfEachCommand) {
  struct Case {
    std::vector<std::string> command;
    std::vector<std::string> expected;
  };
  const std::vector<Case> table = {
      {{}, {"simulate", "compare", "dry-run", "trace"}},
      {{"simulate"}, {"--file", "--trace", "--workload", "--speed", "--seed", "--set", "--unset", "--output", "--json"}},
      {{"compare"}, {"--file", "--trace", "--workload", "--speed", "--seed", "--set", "--unset", "--output", "--json"}},
      {{"dry-run"}, {"--file", "--set", "--unset", "--json", "--launcher"}},
      {{"trace"}, {"analyze", "fetch", "synthesize"}},
      {{"trace", "analyze"}, {"--json"}},
      {{"trace", "fetch"}, {"conversation", "--url"}},
      {{"trace", "synthesize"}, {"--like", "--requests", "--seed", "--speed", "--output"}},
  };
  for (const Case& c : table) {
    std::vector<std::string> arguments = c.command;
    arguments.emplace_back("--help");
    const Finished run = srtctl(arguments);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err, "");
    for (const std::string& text : c.expected) EXPECT_NE(run.out.find(text), std::string::npos) << text << "\n" << run.out;
  }
}

TEST(Cli, WithoutArgumentsSaysHowItIsUsed) {
  const Finished run = srtctl({});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("srtctl --help"), std::string::npos) << run.err;
}

TEST(Cli, Version) {
  const Finished run = srtctl({"--version"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_TRUE(run.out.starts_with("srtctl ")) << run.out;
}

TEST(Cli, AnalyzeCountsTheRequestsOfATrace) {
  const Finished table = srtctl({"trace", "analyze", small_trace()});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("400"), std::string::npos) << table.out;

  const Finished json = srtctl({"trace", "analyze", small_trace(), "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_NE(json.out.find("400"), std::string::npos) << json.out;
}

TEST(Cli, RowsWithLiteralPromptsAreSimulatedByTheirText) {
  std::string text;
  for (int i = 0; i < 120; ++i) text += " the house and the garden";
  const std::string rows = R"({"timestamp": 0, "text_input": ")" + text +
                           R"(", "output_length": 3})"
                           "\n"
                           R"({"timestamp": 9000, "payload": {"messages": [{"role": "user", "content": ")" +
                           text +
                           R"("}], "max_tokens": 4}})"
                           "\n";
  const std::string path = write_text(scratch_folder() + "/rows.jsonl", rows);
  const Finished run = srtctl({"simulate", "-f", std::string(kAggregated), "--trace", path, "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("\"input_tokens\": 1200"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("2 rows with a literal prompt"), std::string::npos) << run.out;
  const Finished table = srtctl({"trace", "analyze", path});
  EXPECT_NE(table.out.find("with literal prompts"), std::string::npos) << table.out;

  // Only who simulates must know how long the answer is.
  const std::string open = write_text(scratch_folder() + "/open.jsonl", "{\"timestamp\": 0, \"text_input\": \"the house\"}\n");
  EXPECT_EQ(srtctl({"trace", "analyze", open}).exit_code, 0);
  const Finished refused = srtctl({"simulate", "-f", std::string(kAggregated), "--trace", open});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("open.jsonl:1:43: the field 'output_length' is missing: a simulated answer needs a length"),
            std::string::npos)
      << refused.err;
}

TEST(Cli, ARunOnAStandInSaysSo) {
  const std::vector<std::string> arguments = {"simulate", "-f", std::string(kAggregated), "--trace", small_trace()};
  const Finished table = srtctl(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.substr(0, table.out.find('\n')).find("STAND-IN"), std::string::npos) << table.out;

  std::vector<std::string> with_json = arguments;
  with_json.emplace_back("--json");
  const Finished json = srtctl(with_json);
  EXPECT_EQ(json.exit_code, 0) << json.err;
  EXPECT_TRUE(is_json(json.out)) << json.out;
  std::string packed = json.out;
  std::erase_if(packed, [](char c) { return c == ' ' || c == '\n'; });
  EXPECT_NE(packed.find("\"stand_in_trace\":true"), std::string::npos) << json.out;
  EXPECT_NE(packed.find("\"requests\":400"), std::string::npos) << json.out;
}

TEST(Cli, CompareEndsWithAVerdict) {
  const Finished run =
      srtctl({"compare", "-f", std::string(kAggregated), "-f", std::string(kDisaggregated), "--trace", small_trace()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::string text = run.out.substr(0, run.out.find_last_not_of('\n') + 1);
  const std::string last = text.substr(text.find_last_of('\n') + 1);
  for (const std::string_view part : {"qwen3-32b-agg-round-robin", "qwen3-32b-disagg-kv-router", " points "}) {
    EXPECT_NE(last.find(part), std::string::npos) << run.out;
  }
}

// report gives the page that compare wrote; of one of the runs another one, beside its files.
TEST(Cli, ReportReadsBackWhatARunWrote) {
  const std::string folder = scratch_folder();
  const Finished compared = srtctl({"compare", "-f", std::string(kAggregated), "-f", std::string(kDisaggregated), "--trace",
                                    small_trace(), "-o", folder + "/both"});
  ASSERT_EQ(compared.exit_code, 0) << compared.err;
  const std::string page = read_text(folder + "/both/report.html");
  EXPECT_NE(page.find("<!doctype html>"), std::string::npos);
  const Finished again = srtctl({"report", folder + "/both", "-o", folder + "/again.html"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, folder + "/again.html\n");
  EXPECT_EQ(read_text(folder + "/again.html"), page);

  const std::string one = folder + "/both/qwen3-32b-agg-round-robin";
  EXPECT_EQ(srtctl({"report", one}).out, one + "/report.html\n");
  EXPECT_NE(read_text(one + "/report.html").find("one run"), std::string::npos);

  const Finished none = srtctl({"report", folder + "/nothing", folder + "/nowhere"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("nothing: there is no summary.json here"), std::string::npos) << none.err;
  EXPECT_NE(none.err.find("nowhere: there is no summary.json here"), std::string::npos) << none.err;
}

TEST(Cli, AWorkloadIsFoundInTheTraceFolder) {
  const std::string folder = scratch_folder();
  std::filesystem::copy_file(small_trace(), folder + "/conversation_trace.jsonl");
  const std::vector<std::string> simulate = {"simulate",   "-f",           std::string(kAggregated),
                                             "--workload", "conversation", "--json"};
  std::vector<std::string> by_option = simulate;
  by_option.insert(by_option.end(), {"--trace-dir", folder});
  const Finished first = srtctl(by_option, {"SRTCTL_TRACE_DIR=/nonexistent"});
  const Finished second = srtctl(simulate, {"SRTCTL_TRACE_DIR=" + folder});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_NE(first.out.find("400"), std::string::npos) << first.out;
  EXPECT_EQ(without_timings(first.out), without_timings(second.out));
}

TEST(Cli, DryRunShowsTheCommandOfEveryWorker) {
  for (const std::string_view recipe : {kAggregated, kDisaggregated}) {
    const Finished run = srtctl({"dry-run", "-f", std::string(recipe)});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    std::size_t workers = 0;
    for (std::size_t at = run.out.find("sglang.launch_server"); at != std::string::npos;
         at = run.out.find("sglang.launch_server", at + 1)) {
      ++workers;
    }
    EXPECT_EQ(workers, 8U) << run.out;
    EXPECT_NE(run.out.find("sglang_router.launch_router"), std::string::npos) << run.out;

    const Finished json = srtctl({"dry-run", "-f", std::string(recipe), "--json"});
    EXPECT_EQ(json.exit_code, 0) << json.err;
    EXPECT_TRUE(is_json(json.out)) << json.out;
  }
}

TEST(Cli, DryRunOfAFolderTakesAllRecipesBelowIt) {
  const std::string folder = scratch_folder();
  std::filesystem::create_directories(folder + "/b");
  write_text(folder + "/b/good.yaml", read_text(std::string(kAggregated)));
  write_text(folder + "/a.yaml", read_text(std::string(kDisaggregated)));
  write_text(folder + "/readme.txt", "no recipe");
  const Finished good = srtctl({"dry-run", "-f", folder, "--launcher", "local"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(good.out.find("qwen3-32b-disagg-kv-router: "), 0U) << "in order of their names";
  EXPECT_NE(good.out.find("\nqwen3-32b-agg-round-robin: "), std::string::npos) << good.out;
  EXPECT_EQ(good.out.find("srun"), std::string::npos) << "nothing of Slurm here";

  write_text(folder + "/b/bad.yaml", "name: x\n");
  write_text(folder + "/worse.yaml", "{");
  const Finished bad = srtctl({"dry-run", "-f", folder, "--json"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_TRUE(is_json(bad.out)) << bad.out;
  EXPECT_NE(bad.out.find("\"batch_script\": \"#!/bin/bash"), std::string::npos) << "the good ones are there";
  for (const std::string_view file : {"bad.yaml", "worse.yaml"}) {
    EXPECT_NE(bad.out.find(file), std::string::npos) << bad.out;
    EXPECT_NE(bad.err.find(file), std::string::npos) << bad.err;
  }
  std::filesystem::create_directories(folder + "/empty");
  EXPECT_EQ(srtctl({"dry-run", "-f", folder + "/empty"}).exit_code, 2);
}

// Whatever reads recipes reads them with srtslurm.yaml.
TEST(Cli, TheClusterCountsForEveryCommand) {
  const std::string folder = scratch_folder();
  const std::string recipe = write_text(folder + "/r.yaml", read_text(std::string(kAggregated)));
  const std::string cluster = write_text(folder + "/srtslurm.yaml",
                                         "default_partition: gpu7\nmodel_paths: {qwen: /raid/Qwen3-32B}\nbind: 127.0.0.1\n"
                                         "shared_host: true\noutput_dir: /all/runs\ndefault_mounts: {/a: /b}\n");
  const std::vector<std::string> config{"SRTSLURM_CONFIG=" + cluster};
  const std::string path = "--set=model.path=qwen";
  const Finished plan = srtctl({"dry-run", "-f", recipe, path}, config);
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  for (const char* part : {"#SBATCH --partition=gpu7\n", "/raid/Qwen3-32B:/model", "/a:/b", "--host 127.0.0.1 --port 20002",
                           "--output=/all/runs/%j/batch.out", " --output /all/runs/JOB/logs/router.out"}) {
    EXPECT_NE(plan.out.find(part), std::string::npos) << part << "\n" << plan.out;
  }
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"simulate", "-f", recipe, path, "--trace", small_trace()},
        std::vector<std::string>{"compare", "-f", recipe, "-f", recipe, path, "--trace", small_trace()}}) {
    const Finished known = srtctl(command, config);
    EXPECT_EQ(known.exit_code, 0) << known.err;
    EXPECT_EQ(srtctl(command, {"SRTSLURM_CONFIG="}).exit_code, 2) << "no such alias";
  }
  write_text(cluster, "default_partitoin: gpu7\n");
  for (const char* command : {"dry-run", "simulate", "submit"}) {
    const Finished bad = srtctl({command, "-f", recipe}, {"SRTSLURM_CONFIG=" + cluster, "PATH=/nowhere"});
    EXPECT_EQ(bad.exit_code, 2) << command;
    if (command == std::string_view("submit")) continue;  // it misses Slurm first
    EXPECT_NE(bad.err.find("did you mean 'default_partition'?"), std::string::npos) << bad.err;
  }
}

TEST(Cli, DryRunLooksAtPathsOfThisMachine) {
  const std::string folder = scratch_folder();
  std::filesystem::create_directories(folder + "/models/Qwen3-32B");
  const auto dry_run = [&](const std::string& path) {
    return srtctl({"dry-run", "-f", std::string(kAggregated), "--set", "model.path=" + folder + path, "--json"});
  };
  EXPECT_EQ(dry_run("/models/Qwen3-32B").exit_code, 0);
  EXPECT_EQ(dry_run("/not/here/Qwen3-32B").exit_code, 0) << "it may be on the nodes";
  const Finished missing = dry_run("/models/Qwen3-23B");
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_NE(missing.err.find("did you mean 'Qwen3-32B'?"), std::string::npos) << missing.err;
  EXPECT_NE(missing.out.find("\"plans\": []"), std::string::npos) << missing.out;
}

// The recipe as the base of two variants.
std::string file_with_variants() {
  std::ifstream in{std::string(kAggregated)};
  std::string text = "base:\n";
  for (std::string line; std::getline(in, line);) text += "  " + line + "\n";
  return write_text(scratch_folder() + "/variants.yaml", text +
                                                             "override_random: {frontend: {args: {policy: random}}}\n"
                                                             "zip_override_slo: {benchmark: {ttft_threshold_ms: [1000]}}\n");
}

// Each is planned for both launchers, and runs through; those with our gateway by its default policy.
TEST(Cli, EveryShippedRecipeWorks) {
  std::size_t own = 0;
  std::size_t recipes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("recipies")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string path = entry.path();
    SCOPED_TRACE(path);
    ++recipes;
    const Finished run = srtctl({"simulate", "-f", path, "--trace", small_trace(), "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const bool min_ttft = path.find("min-ttft") != std::string::npos;
    const bool ours = min_ttft || path.find("slo") != std::string::npos;
    own += ours ? 1 : 0;
    for (const char* launcher : {"slurm", "local"}) {
      const Finished plan = srtctl({"dry-run", "-f", path, "--launcher", launcher});
      EXPECT_EQ(plan.exit_code, 0) << plan.err;
      EXPECT_EQ(plan.out.find("srtctl route ") != std::string::npos, ours) << plan.out;
      const std::string policy = min_ttft ? "--policy min_ttft" : "--policy slo --gpu h200";
      EXPECT_EQ(plan.out.find(policy) != std::string::npos, ours) << plan.out;
      EXPECT_EQ(plan.out.find("sglang_router.launch_router") == std::string::npos, ours) << plan.out;
    }
  }
  EXPECT_GE(recipes, 4U);
  EXPECT_EQ(own, 4U) << "two of each topology";
}

TEST(Cli, OneFileWithSeveralRecipes) {
  const std::string file = file_with_variants();
  const Finished compare = srtctl({"compare", "-f", file, "--trace", small_trace()});
  EXPECT_EQ(compare.exit_code, 0) << compare.err;
  EXPECT_NE(compare.out.find("agg-round-robin_random"), std::string::npos) << compare.out;
  EXPECT_NE(compare.out.find("agg-round-robin_slo_0"), std::string::npos) << compare.out;

  const Finished several = srtctl({"simulate", "-f", file, "--trace", small_trace()});
  EXPECT_EQ(several.exit_code, 2) << several.out;
  EXPECT_NE(several.err.find(file + ":override_random"), std::string::npos) << several.err;
  const Finished one = srtctl({"simulate", "-f", file + ":zip_override_slo[0]", "--trace", small_trace(), "--json"});
  EXPECT_EQ(one.exit_code, 0) << one.err;

  const Finished plans = srtctl({"dry-run", "-f", file + ":override_*", "-f", file + ":base", "--json"});
  EXPECT_EQ(plans.exit_code, 0) << plans.err;
  EXPECT_NE(plans.out.find("\"variant\": \"override_random\""), std::string::npos) << plans.out;
  EXPECT_NE(plans.out.find("\"variant\": \"base\""), std::string::npos) << plans.out;
}

TEST(Cli, SetAndUnsetCountInTheirOrder) {
  const auto policy_is = [](const std::vector<std::string>& edits, std::string_view policy) {
    std::vector<std::string> arguments{"dry-run", "-f", std::string(kAggregated)};
    arguments.insert(arguments.end(), edits.begin(), edits.end());
    const Finished run = srtctl(arguments);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.out.find("--policy " + std::string(policy)) != std::string::npos;
  };
  const std::string set = "--set=frontend.args.policy=random";
  const std::string unset = "--unset=frontend.args.policy";
  EXPECT_TRUE(policy_is({unset, set}, "random"));
  EXPECT_FALSE(policy_is({set, unset}, "random"));
  EXPECT_TRUE(policy_is({set, unset, "--set", "frontend.args.policy=power_of_two"}, "power_of_two"));
}

// A port of the loopback address that nobody listens on, kept so while this lives.
class ClosedPort {
 public:
  ClosedPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, generic, size), 0);
    EXPECT_EQ(getsockname(socket_, generic, &size), 0);
    number_ = ntohs(address.sin_port);
  }
  ~ClosedPort() { close(socket_); }
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;

  std::string number() const { return std::to_string(number_); }

 private:
  int socket_;
  int number_ = 0;
};

TEST(Cli, FetchWithoutNetworkNamesTheAddress) {
  const ClosedPort port;
  const std::string address = "127.0.0.1:" + port.number();
  const Finished run = srtctl({"trace", "fetch", "conversation", "--url", "http://" + address + "/conversation_trace.jsonl"},
                              {"XDG_CACHE_HOME=" + scratch_folder(), "SRTCTL_TRACE_DIR=", "no_proxy=127.0.0.1"});
  EXPECT_EQ(run.exit_code, 2) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find(address), std::string::npos) << run.err;
}

}  // namespace
}  // namespace infbench::tests
