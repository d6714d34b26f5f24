// Keys and tokens are given to everything that takes some, and looked for in everything that anybody else can see: what is
// printed, files that others may read, command lines of all processes, error messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "process.h"
#include "recipe/recipe_samples.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecret = "kept-from-all";  // in each secret of these tests

void expect_hidden(const Finished& run, const std::string& what) {
  EXPECT_THAT(run.out, Not(HasSubstr(kSecret))) << what;
  EXPECT_THAT(run.err, Not(HasSubstr(kSecret))) << what;
}

// In no file that others than its owner may read. Returns how many the owner has them in.
int secret_files(const std::string& folder) {
  int found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || read_text(entry.path()).find(kSecret) == std::string::npos) continue;
    struct stat file {};
    EXPECT_EQ(::stat(entry.path().c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 077U, 0U) << entry.path() << " can be read by everybody";
    ++found;
  }
  return found;
}

TEST(Secrets, OfAGatewayAndItsClient) {
  const std::string folder = scratch_folder();
  Running serve({SRTCTL, "serve", "--port", "0", "--tp", "2", "--instant", "--truth-log", folder + "/truth.jsonl"});
  const std::string worker = "http://127.0.0.1:" + std::to_string(port_in(serve.line()));
  Running route({SRTCTL, "route", "--port", "0", "--worker-urls", worker, "--disable-health-check", "--api-key", kSecret,
                 "--prometheus-port", "0", "--decision-log", folder + "/decisions.jsonl"});
  const std::string gateway = "http://127.0.0.1:" + std::to_string(port_in(route.line_with("gateway ready")));
  EXPECT_THAT(command_line_of(route.id()), HasSubstr("--api-key"));
  EXPECT_THAT(command_line_of(route.id()), Not(HasSubstr(kSecret)));

  const auto replay = [&](const std::string& name, std::vector<std::string> more, const std::vector<std::string>& with) {
    more.insert(more.begin(), {"replay", "-m", "Qwen/Qwen3-32B", "--url", gateway, "--streaming", "--synthetic",
                               "isl=100,osl=4", "--concurrency", "2", "--request-count", "10", "--max-lag-ms", "3600000",
                               "--artifact-dir", folder + "/" + name, "--export-level", "raw"});
    return srtctl(more, with);
  };
  const Finished by_flag = replay("flag", {"--api-key", kSecret}, {});
  const Finished by_variable = replay("variable", {}, {std::string("SRTCTL_API_KEY=") + kSecret});
  const Finished by_header = replay("header", {"-H", std::string("Authorization: Bearer ") + kSecret}, {});
  const Finished without = replay("without", {}, {});
  for (const Finished* run : {&by_flag, &by_variable, &by_header}) EXPECT_EQ(run->exit_code, 0) << run->err;
  EXPECT_NE(without.exit_code, 0) << "else the key was not asked for";
  for (const Finished* run : {&by_flag, &by_variable, &by_header, &without}) expect_hidden(*run, "replay");
  expect_hidden(route.stop(SIGTERM), "route");
  expect_hidden(serve.stop(SIGTERM), "serve");
  EXPECT_FALSE(read_text(folder + "/decisions.jsonl").empty());
  EXPECT_FALSE(read_text(folder + "/truth.jsonl").empty());
  EXPECT_EQ(secret_files(folder), 0);
}

// kSmallRecipe with a secret wherever there can be one.
std::string recipe_with_secrets() {
  return recipe::edited(
      kSmallRecipe, {{"resources:", "environment: {HF_TOKEN: kept-from-all-1}\nresources:"},
                     {"type: sglang", "type: srtctl"},
                     {"round_robin", "round_robin\n    api-key: kept-from-all-2\n  env: {ROUTER_PASSWORD: kept-from-all-3}"},
                     {"type: model", "type: model\n  aggregated_environment: {WORKER_SECRET: kept-from-all-4}"},
                     {"warmup_requests: 2", "warmup_requests: 2\n  speed: 100\n  env: {CLIENT_TOKEN: kept-from-all-5}"},
                     {"time_scale: 10", "time_scale: 100"}});
}

// A whole deployment: what it prints, its folder, and the command lines of all its processes for as long as it lasts.
TEST(Secrets, OfADeployment) {
  const std::string folder = scratch_folder();
  fs::create_directories(folder + "/traces");
  fs::create_symlink(small_trace(), folder + "/traces/conversation_trace.jsonl");
  const std::string recipe = write_text(folder + "/small.yaml", recipe_with_secrets());
  ASSERT_EQ(::chmod(recipe.c_str(), 0600), 0);
  const std::string mark = "SECRETS_TEST=" + std::to_string(::getpid());
  Running submit({SRTCTL, "submit", "-f", recipe, "--launcher", "local", "-o", folder + "/out"},
                 {mark, "SRTCTL_TRACE_DIR=" + folder + "/traces"});
  std::set<std::string> lines;
  const auto has = [&](const std::string& command) {
    const std::string word = '\0' + command + '\0';
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(word) != std::string::npos; });
  };
  ASSERT_GT(submit.id(), 0);
  const std::string stat = "/proc/" + std::to_string(submit.id()) + "/stat";
  while (read_text(stat).find(") Z ") == std::string::npos) {
    for (const int process : processes_with(mark)) lines.insert(command_line_of(process));
    ::usleep(5'000);
  }
  const Finished end = submit.stop(0);
  EXPECT_TRUE(end.exit_code == 0 || end.exit_code == 6) << end.err;  // 6: the machine was too busy to send in time
  expect_hidden(end, "submit");
  for (const char* command : {"serve", "route", "replay"}) EXPECT_TRUE(has(command)) << command;
  for (const std::string& line : lines) EXPECT_THAT(line, Not(HasSubstr(kSecret)));
  EXPECT_GE(secret_files(folder + "/out"), 1) << "the copy of the recipe, for its owner";
}

TEST(Secrets, OfPlansReportsAndFigures) {
  const std::string folder = scratch_folder();
  const std::string recipe = write_text(folder + "/small.yaml", recipe_with_secrets());
  for (const char* launcher : {"slurm", "local"}) {
    for (const bool json : {false, true}) {
      std::vector<std::string> words{"dry-run", "-f", recipe, "--launcher", launcher};
      if (json) words.emplace_back("--json");
      const Finished run = srtctl(words);
      EXPECT_EQ(run.exit_code, 0) << run.err;
      EXPECT_THAT(run.out, HasSubstr("HF_TOKEN")) << "that it is set is told";
      expect_hidden(run, launcher);
    }
  }
  const std::string given = std::string("environment.HF_TOKEN=") + kSecret;
  for (const std::vector<std::string>& sets :
       {std::vector<std::string>{"--set", given}, {"--set=environment={A: b, HF_TOKEN: " + std::string(kSecret) + "}"}}) {
    std::vector<std::string> words{"simulate", "-f", std::string(kAggregated), "--trace", small_trace(), "-o", folder + "/out"};
    words.insert(words.end(), sets.begin(), sets.end());
    const Finished text = srtctl(words);
    words.emplace_back("--json");
    const Finished json = srtctl(words);
    EXPECT_EQ(text.exit_code + json.exit_code, 0) << text.err;
    expect_hidden(text, "simulate");
    expect_hidden(json, "simulate --json");
    EXPECT_THAT(json.out, HasSubstr("HF_TOKEN")) << "that it was set is told";
    EXPECT_EQ(srtctl({"report", folder + "/out"}).exit_code, 0);
    EXPECT_EQ(secret_files(folder + "/out"), 0);
  }
}

TEST(Secrets, OfErrorMessages) {
  const std::string folder = scratch_folder();
  const std::string good = read_text(std::string(kAggregated));
  for (const std::string& line :
       {std::string("environment: {HF_TOKEN: kept-from-all, HF_TOKEN: kept-from-all}"),
        std::string("environment: {HF_TOKEN: [kept-from-all]}"), std::string("environment: {HF_TOKEN: {a: kept-from-all}}"),
        std::string("environment: {\"HF_TOKEN\": 'kept-from-all', 1A: x}"),
        std::string("environment: {HF_TOKEN: kept-from-all"), std::string("enviroment: {HF_TOKEN: kept-from-all}"),
        std::string("environment: {HF_TOKEN: !x kept-from-all}")}) {
    const std::string file = write_text(folder + "/bad.yaml", good + line + "\n");
    for (const bool json : {false, true}) {
      std::vector<std::string> words{"dry-run", "-f", file};
      if (json) words.emplace_back("--json");
      const Finished run = srtctl(words);
      EXPECT_EQ(run.exit_code, 2) << line;
      EXPECT_THAT(run.err, HasSubstr("bad.yaml:")) << line;
      expect_hidden(run, line);
    }
  }
  const std::string a(kAggregated);
  const std::string url = "http://me:" + std::string(kSecret) + "@127.0.0.1:1/x";
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"dry-run", "-f", a, "--set", "enviroment.HF_TOKEN=kept-from-all"},
                                             {"dry-run", "-f", a, "--set", "environment.HF_TOKEN={a: kept-from-all}"},
                                             {"replay", "-m", "m", "--url", url},
                                             {"replay", "-m", "m", "-H", "Authorization Bearer kept-from-all"},
                                             {"replay", "-m", "m", "-H", "Author ization: Bearer kept-from-all"},
                                             {"replay", "-m", "m", "--api-key", "kept-from-all\r\nx: y"},
                                             {"route", "--worker-urls", "http://127.0.0.1:1", "--api-key", "kept-from-all x"},
                                             {"trace", "fetch", "conversation", "--url", url}}) {
    const Finished run = srtctl(words, {"XDG_CACHE_HOME=" + folder});
    EXPECT_EQ(run.exit_code, 2) << words[0] << " " << words[1] << run.out;
    expect_hidden(run, words[0] + " " + words[1]);
  }
}

}  // namespace
}  // namespace infbench::tests
