// The gateway's decision log, end to end: built servers, gateway and client talk over loopback; then the log's inputs, given to
// a fresh Gateway without sockets, must lead to the same choices.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "live/gateway_log_check.h"
#include "process.h"
#include "route/factory.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string url_in(const std::string& line) {
  const std::size_t begin = line.find("http://");
  return begin == std::string::npos ? "" : line.substr(begin, line.find_first_of(" ,\n", begin) - begin);
}

// Serves `requests` of a synthetic trace through a gateway with these flags; what its log says, and how the client ended.
std::string log_of_a_run(const std::vector<std::string>& client_flags, const std::vector<std::string>& route_flags) {
  const std::string folder = scratch_folder();
  const std::string log = folder + "/decisions.jsonl";
  const std::string trace = folder + "/trace.jsonl";
  EXPECT_EQ(srtctl({"trace", "synthesize", "--like", "conversation", "--requests", "60", "-o", trace}).exit_code, 0);
  Running servers({SRTCTL, "serve", "--port", "0", "--workers", "3", "--gpu", "h200", "--tp", "2", "--page-size", "64",
                   "--time-scale", "20"});
  std::vector<std::string> route{SRTCTL, "route", "--port", "0", "--decision-log", log, "--worker-urls"};
  for (int worker = 0; worker < 3; ++worker) route.push_back(url_in(servers.line()));
  route.insert(route.end(), route_flags.begin(), route_flags.end());
  Running gateway(route);
  const std::string url = url_in(gateway.line());
  EXPECT_THAT(url, HasSubstr("http://127.0.0.1:"));
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
                                  "--artifact-dir",
                                  folder + "/artifacts",
                                  "--max-lag-ms",
                                  "60000",
                                  "--url",
                                  url};
  replay.insert(replay.end(), client_flags.begin(), client_flags.end());
  const Finished client = srtctl(replay);
  EXPECT_EQ(client.exit_code, 0) << client.out << client.err;
  const Finished routed = gateway.stop(SIGTERM);
  EXPECT_EQ(routed.exit_code, 0) << routed.err;
  EXPECT_EQ(servers.stop(SIGTERM).exit_code, 0);
  return read_text(log);
}

class DecisionLog : public ::testing::TestWithParam<std::string_view> {};

TEST_P(DecisionLog, ReplayedWithoutSocketsGivesTheSameChoices) {
  const std::string policy(GetParam());
  std::vector<std::string> client;
  if (policy == "manual") client = {"-H", "X-SMG-Routing-Key:somebody"};
  const std::string text = log_of_a_run(client, {"--policy", policy, "--seed", "7", "--kv-tokens", "200000", "--gpu", "h200",
                                                 "--tp", "2", "--model", "Qwen/Qwen3-32B", "--disable-circuit-breaker"});
  const auto check = live::check_gateway_log(text);
  ASSERT_TRUE(check) << format_errors(check.error());
  EXPECT_THAT(check->differences, IsEmpty());
  EXPECT_GE(check->choices, 60U);
  EXPECT_GT(check->inputs, 240U);  // each arrives, is answered, has first bytes, ends
  EXPECT_EQ(text.find(R"("key":"somebody")") != std::string::npos, policy == "manual");
}

INSTANTIATE_TEST_SUITE_P(Policies, DecisionLog, ::testing::ValuesIn(route::policy_names()),
                         [](const auto& policy) { return std::string(policy.param); });

TEST(DecisionLogCheck, FindsAChangedChoice) {
  std::string text = log_of_a_run({}, {"--policy", "random", "--seed", "3", "--max-concurrent-requests", "4"});
  ASSERT_TRUE(live::check_gateway_log(text));
  EXPECT_THAT(live::check_gateway_log(text)->differences, IsEmpty());
  const std::size_t chance = text.find(R"("reason":"chance")");
  ASSERT_NE(chance, std::string::npos) << text.substr(0, 2000);
  text.replace(chance, 17, R"("reason":"turn")");
  const auto check = live::check_gateway_log(text);
  ASSERT_TRUE(check) << format_errors(check.error());
  ASSERT_EQ(check->differences.size(), 1U);
  EXPECT_THAT(check->differences.front(), HasSubstr(R"("reason":"turn")"));
}

}  // namespace
}  // namespace infbench::tests
