// Live, end to end: the built server and the built client talk over loopback; then the server's log, given to a fresh engine in
// virtual time, must give the same batches, cached tokens and due times to the last bit.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "live/serve_log.h"
#include "process.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWorkers = 2;

TEST(Live, TheServersLogReplayedInVirtualTimeGivesTheSameBits) {
  const std::string folder = scratch_folder();
  const std::string log = folder + "/truth.jsonl";
  const std::string trace = folder + "/trace.jsonl";
  ASSERT_EQ(srtctl({"trace", "synthesize", "--like", "conversation", "--requests", "60", "-o", trace}).exit_code, 0);

  Running server({SRTCTL, "serve", "--workers", std::to_string(kWorkers), "--port", "0", "--gpu", "h200", "--tp", "2",
                  "--page-size", "64", "--time-scale", "20", "--truth-log", log});
  std::vector<std::string> replay{"replay",
                                  "-m",
                                  "Qwen/Qwen3-32B",
                                  "--endpoint-type",
                                  "chat",
                                  "--input-file",
                                  trace,
                                  "--custom-dataset-type",
                                  "mooncake_trace",
                                  "--fixed-schedule",
                                  "--streaming",
                                  "--speed",
                                  "20",
                                  "--goodput",
                                  "time_to_first_token:2000 inter_token_latency:25",
                                  "--artifact-dir",
                                  folder + "/artifacts",
                                  "--max-lag-ms",
                                  "60000"};  // machines are shared: this test is not about time
  for (int worker = 0; worker < kWorkers; ++worker) {
    const std::string url = url_in(server.line());
    ASSERT_THAT(url, HasSubstr("http://127.0.0.1:"));
    replay.insert(replay.end(), {"--url", url});
  }
  const Finished client = srtctl(replay);
  EXPECT_EQ(client.exit_code, 0) << client.out << client.err;
  const Finished served = server.stop(SIGTERM);
  EXPECT_EQ(served.exit_code, 0) << served.err;

  EXPECT_EQ(lines_of(read_text(folder + "/artifacts/profile_export.jsonl")), 60U);
  EXPECT_THAT(read_text(folder + "/artifacts/report.html"), HasSubstr("measured over HTTP"));
  const auto check = live::check_log(read_text(log));
  ASSERT_TRUE(check) << format_errors(check.error());
  EXPECT_THAT(check->differences, IsEmpty());
  EXPECT_GE(check->inputs, 60U);
  EXPECT_GT(check->tokens, 1000U);
}

TEST(Live, ACheckOfAChangedLogFindsTheDifference) {
  const std::string folder = scratch_folder();
  const std::string log = folder + "/truth.jsonl";
  Running server({SRTCTL, "serve", "--port", "0", "--tp", "2", "--instant", "--truth-log", log});
  const std::string url = url_in(server.line());
  const Finished client =
      srtctl({"replay", "-m", "Qwen/Qwen3-32B", "--url", url, "--synthetic", "isl=100,osl=20", "--concurrency", "2",
              "--request-count", "4", "--streaming", "--artifact-dir", folder + "/artifacts"});
  EXPECT_EQ(client.exit_code, 0) << client.out << client.err;
  EXPECT_EQ(server.stop(SIGTERM).exit_code, 0);
  std::string text = read_text(log);
  const std::size_t cached = text.find("\"cached\":0");
  ASSERT_NE(cached, std::string::npos) << text.substr(0, 2000);
  text.replace(cached, 10, "\"cached\":7");
  const auto check = live::check_log(text);
  ASSERT_TRUE(check) << format_errors(check.error());
  EXPECT_FALSE(check->differences.empty());
}

// What a launcher starts for a worker over several nodes: a process on each, of which the first serves.
TEST(Live, RanksAboveZeroWaitUntilTheyAreEnded) {
  const std::vector<std::string> worker{
      SRTCTL,           "serve",    "--port", "0",          "--tp", "2", "--nccl-port", "17500", "--dist-init-addr",
      "127.0.0.1:8300", "--nnodes", "2",      "--node-rank"};
  std::vector<std::string> first = worker;
  std::vector<std::string> second = worker;
  first.emplace_back("0");
  second.emplace_back("1");
  Running serving(first);
  Running waiting(second);
  EXPECT_NE(serving.line().find("http://127.0.0.1:"), std::string::npos);
  EXPECT_EQ(waiting.line(), "rank 1 of 2: rank 0 serves");
  for (Running* rank : {&serving, &waiting}) {
    const Finished finished = rank->stop(SIGTERM);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_EQ(finished.err, "") << "no flag is unknown";
  }
}

}  // namespace
}  // namespace infbench::tests
