// The gateway's decision log, end to end: built servers, gateway and client talk over loopback; then the log's inputs, given to
// a fresh Gateway without sockets, must lead to the same choices.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
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

// The first minute or so of a trace like that of conversations, which have about three requests in a second.
std::string trace_of(const std::string& folder, int requests) {
  std::string trace = folder + "/trace.jsonl";
  EXPECT_EQ(
      srtctl({"trace", "synthesize", "--like", "conversation", "--requests", std::to_string(requests), "-o", trace}).exit_code,
      0);
  return trace;
}

// A command written with blanks between its words.
std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words;
  std::istringstream in(command);
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> replay_of(const std::string& trace, const std::string& folder, const std::string& url) {
  return words_of("replay -m Qwen/Qwen3-32B --endpoint-type chat --custom-dataset-type mooncake_trace --fixed-schedule " +
                  ("--streaming --speed 20 --max-lag-ms 60000 --input-file " + trace) + " --artifact-dir " + folder +
                  "/artifacts --url " + url);
}

// Serves a minute of a synthetic trace through a gateway with these flags; what its log says, and how the client ended.
std::string log_of_a_run(const std::vector<std::string>& client_flags, const std::vector<std::string>& route_flags) {
  const std::string folder = scratch_folder();
  const std::string log = folder + "/decisions.jsonl";
  Running servers({SRTCTL, "serve", "--port", "0", "--workers", "3", "--gpu", "h200", "--tp", "2", "--page-size", "64",
                   "--time-scale", "20"});
  std::vector<std::string> route{SRTCTL, "route", "--port", "0", "--decision-log", log, "--worker-urls"};
  for (int worker = 0; worker < 3; ++worker) route.push_back(url_in(servers.line()));
  route.insert(route.end(), route_flags.begin(), route_flags.end());
  Running gateway(route);
  const std::string url = url_in(gateway.line());
  EXPECT_THAT(url, HasSubstr("http://127.0.0.1:"));
  std::vector<std::string> replay = replay_of(trace_of(folder, 200), folder, url);
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
  EXPECT_GE(check->choices, 200U);
  EXPECT_GT(check->inputs, 800U);  // each arrives, is answered, has first bytes, ends
  EXPECT_EQ(text.find(R"("key":"somebody")") != std::string::npos, policy == "manual");
}

INSTANTIATE_TEST_SUITE_P(Policies, DecisionLog, ::testing::ValuesIn(route::policy_names()),
                         [](const auto& policy) { return std::string(policy.param); });

TEST(DecisionLogOfPairs, ReplayedWithoutSocketsGivesTheSameChoices) {
  const std::string folder = scratch_folder();
  const std::string log = folder + "/decisions.jsonl";
  const std::string serve = std::string(SRTCTL) + " serve --port 0 --tp 2 --time-scale 20 --disaggregation-mode ";
  Running first(words_of(serve + "prefill --disaggregation-bootstrap-port 0"));
  Running second(words_of(serve + "prefill --disaggregation-bootstrap-port 0"));
  Running decode(words_of(serve + "decode"));
  std::string route =
      std::string(SRTCTL) + " route --port 0 --pd-disaggregation --prefill-policy bucket --decode-policy min_ttft";
  for (Running* worker : {&first, &second}) {
    const std::string line = worker->line();
    const std::string port = line.substr(line.find("bootstrap port ") + 15);
    route += " --prefill " + url_in(line) + " " + std::to_string(std::stoi(port));
  }
  Running gateway(words_of(route + " --decode " + url_in(decode.line()) + " --decision-log " + log));
  const Finished client = srtctl(replay_of(trace_of(folder, 40), folder, url_in(gateway.line())));
  EXPECT_EQ(client.exit_code, 0) << client.out << client.err;
  EXPECT_EQ(gateway.stop(SIGTERM).exit_code, 0);
  const auto check = live::check_gateway_log(read_text(log));
  ASSERT_TRUE(check) << format_errors(check.error());
  EXPECT_THAT(check->differences, IsEmpty());
  EXPECT_GE(check->choices, 40U);
}

TEST(DecisionLogCheck, FindsAChangedChoice) {
  std::string text =
      log_of_a_run({}, {"--policy", "random", "--seed", "3", "--max-concurrent-requests", "4", "--queue-size", "1000"});
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
