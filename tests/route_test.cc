// srtctl route as a program, in front of srtctl serve: what a person who runs it would see.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>

#include <string>
#include <thread>
#include <vector>

#include "live/gateway_sockets_for_test.h"
#include "process.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

using live::test::eventually;
using live::test::get_text;
using live::test::post_text;
using live::test::RawClient;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string url_of(int port) { return "http://127.0.0.1:" + std::to_string(port); }

std::vector<std::string> route_command(const std::vector<std::string>& more) {
  std::vector<std::string> command{SRTCTL, "route", "--port", "0"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

// Its port, once it is ready.
int ready_port(Running& route) {
  const int port = port_in(route.line_with("gateway ready"));
  EXPECT_GT(port, 0);
  if (port == 0) return 0;
  EXPECT_TRUE(eventually([&] {
    RawClient client(port);
    client.send(get_text("/readiness"));
    return client.read_answer().starts_with("HTTP/1.1 200");
  }));
  return port;
}

std::string ask(int port, const std::string& request) {
  RawClient client(port);
  client.send(request);
  return client.read_answer();
}

std::string completion(int tokens, bool stream, const std::string& prompt = "one two three") {
  return post_text("/v1/completions",
                   R"({"prompt":")" + prompt + R"(","max_tokens":)" + std::to_string(tokens) +
                       R"(,"ignore_eos":true,"stream":)" + (stream ? "true" : "false") + "}",
                   "connection: close\r\n");
}

std::string stream(int port, int tokens) {
  RawClient client(port);
  client.send(completion(tokens, true));
  return client.read_all();
}

// A figure of /proc/PID/status, in bytes.
std::size_t memory(int process, const std::string& name) {
  const std::string status = read_text("/proc/" + std::to_string(process) + "/status");
  const std::size_t at = status.find(name + ":");
  return at == std::string::npos ? 0 : static_cast<std::size_t>(std::atoll(status.c_str() + at + name.size() + 1)) << 10U;
}

TEST(Route, SigtermFinishesStreamsRefusesNewOnesAndExitsWithZero) {
  Running serve({SRTCTL, "serve", "--port", "0", "--tp", "2"});
  const int worker = port_in(serve.line());
  Running route(route_command({"--worker-urls", url_of(worker), "--disable-health-check"}));
  const int port = ready_port(route);
  RawClient client(port);
  client.send(completion(200, true));
  EXPECT_THAT(client.read_to("data: "), HasSubstr("HTTP/1.1 200 OK"));
  ASSERT_EQ(kill(route.id(), SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return !RawClient(port).connected(); }));
  const std::string rest = client.read_all();
  EXPECT_THAT(rest, HasSubstr("data: [DONE]"));
  EXPECT_THAT(rest, EndsWith("0\r\n\r\n"));
  EXPECT_EQ(route.stop(0).exit_code, 0);
  EXPECT_EQ(serve.stop(SIGTERM).exit_code, 0);
}

TEST(Route, AWorkerThatIsKilledLeavesCutStreamsAndTheOthersServe) {
  Running first({SRTCTL, "serve", "--port", "0", "--tp", "2"});
  Running second({SRTCTL, "serve", "--port", "0", "--tp", "2"});
  const int first_port = port_in(first.line());
  Running route(route_command(
      {"--worker-urls", url_of(first_port), url_of(port_in(second.line())), "--policy", "round_robin", "--explain"}));
  const int port = ready_port(route);
  std::vector<std::unique_ptr<RawClient>> clients;
  std::vector<bool> on_first;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<RawClient>(port));
    clients.back()->send(completion(300, true));
    const std::string head = clients.back()->read_to("data: ");
    ASSERT_THAT(head, HasSubstr("HTTP/1.1 200 OK"));
    on_first.push_back(head.find("x-srtctl-worker: " + url_of(first_port)) != std::string::npos);
  }
  EXPECT_GE(std::count(on_first.begin(), on_first.end(), true), 1);
  EXPECT_EQ(first.stop(SIGKILL).exit_code, 128 + SIGKILL);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string rest = clients[i]->read_all();
    const bool whole = rest.find("data: [DONE]") != std::string::npos && rest.ends_with("0\r\n\r\n");
    EXPECT_NE(whole, on_first[i]) << rest.substr(rest.size() < 200 ? 0 : rest.size() - 200);
  }
  for (int i = 0; i < 8; ++i) EXPECT_THAT(stream(port, 3), HasSubstr("data: [DONE]")) << i;
  EXPECT_EQ(route.stop(SIGTERM).exit_code, 0);
}

TEST(Route, WithoutStepTimesForTheWorkersTokensAreCounted) {
  Running serve({SRTCTL, "serve", "--port", "0", "--tp", "2", "--instant"});
  Running route(route_command({"--worker-urls", url_of(port_in(serve.line())), "--policy", "min_ttft", "--gpu", "h200",
                               "--model", "nobody/has-this", "--explain"}));
  const int port = ready_port(route);
  EXPECT_THAT(stream(port, 3), AllOf(HasSubstr("x-srtctl-reason: least_ttft"), HasSubstr("data: [DONE]")));
  const Finished ended = route.stop(SIGTERM);
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.err, HasSubstr("no step times, tokens are counted instead"));
}

TEST(Route, PairsOfServedWorkersAnswer) {
  Running prefill({SRTCTL, "serve", "--port", "0", "--tp", "2", "--disaggregation-mode", "prefill", "--instant",
                   "--disaggregation-bootstrap-port", "0"});
  Running decode({SRTCTL, "serve", "--port", "0", "--tp", "2", "--disaggregation-mode", "decode", "--instant"});
  const std::string prefill_line = prefill.line();
  const int prefill_port = port_in(prefill_line);
  const int decode_port = port_in(decode.line());
  const std::size_t at = prefill_line.find("bootstrap ");
  ASSERT_NE(at, std::string::npos) << prefill_line;
  const std::string bootstrap = std::to_string(std::atoi(prefill_line.c_str() + prefill_line.find_first_of("0123456789", at)));
  Running route(route_command({"--pd-disaggregation", "--prefill", url_of(prefill_port), bootstrap, "--decode",
                               url_of(decode_port), "--policy", "random", "--explain"}));
  const int port = ready_port(route);
  for (int i = 0; i < 5; ++i) {
    const std::string answer = stream(port, 5);
    EXPECT_THAT(answer, HasSubstr("x-srtctl-worker: " + url_of(prefill_port)));
    EXPECT_THAT(answer, HasSubstr("x-srtctl-decode-worker: " + url_of(decode_port)));
    EXPECT_THAT(answer, HasSubstr("data: [DONE]"));
    EXPECT_THAT(ask(port, completion(2, false)), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_EQ(route.stop(SIGTERM).exit_code, 0);
}

TEST(Route, ALargeBodyStandsInMemoryOnce) {
  constexpr std::size_t kSize = std::size_t{100} << 20U;
  Running serve({SRTCTL, "serve", "--port", "0", "--tp", "2"});
  Running route(route_command({"--worker-urls", url_of(port_in(serve.line()))}));
  const int port = ready_port(route);
  EXPECT_THAT(stream(port, 2), HasSubstr("data: [DONE]"));
  const std::size_t before = memory(route.id(), "VmHWM");
  ASSERT_GT(before, 0U);
  // The worker refuses so long a prompt; the gateway has had it all by then.
  EXPECT_THAT(ask(port, completion(1, false, std::string(kSize, 'x'))), StartsWith("HTTP/1.1 4"));
  const std::size_t more = memory(route.id(), "VmHWM") - before;
  EXPECT_GT(more, kSize * 9 / 10);
  EXPECT_LT(more, kSize * 3 / 2);
  EXPECT_TRUE(eventually([&] { return memory(route.id(), "RssAnon") < before + kSize / 4; }));
  EXPECT_EQ(route.stop(SIGTERM).exit_code, 0);
}

TEST(Route, AtTheLimitOfOpenFilesClientsAreRefusedAndLaterServed) {
  Running serve({SRTCTL, "serve", "--port", "0", "--tp", "2"});
  const int worker = port_in(serve.line());
  Running route({"/bin/sh", "-c", "ulimit -n 160; exec \"$0\" route --port 0 --worker-urls \"$1\"", SRTCTL, url_of(worker)});
  const int port = ready_port(route);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<RawClient>(port));
    clients.back()->send(get_text("/liveness"));
  }
  int served = 0;
  for (const auto& client : clients) served += client->read_to("OK").ends_with("OK") ? 1 : 0;
  EXPECT_GE(served, 20);
  EXPECT_LT(served, 160);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return stream(port, 2).find("data: [DONE]") != std::string::npos; }));
  EXPECT_EQ(route.stop(SIGTERM).exit_code, 0);
}

TEST(Route, WorkersComeAndGoUnderLoadWithoutAnError) {
  Running first({SRTCTL, "serve", "--port", "0", "--tp", "2", "--instant"});
  Running second({SRTCTL, "serve", "--port", "0", "--tp", "2", "--instant"});
  const int first_port = port_in(first.line());
  const int second_port = port_in(second.line());
  Running route(route_command({"--worker-urls", url_of(first_port), "--disable-health-check"}));
  const int port = ready_port(route);
  std::atomic<bool> stop = false;
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) ++(stream(port, 5).find("data: [DONE]") != std::string::npos ? good : bad);
    });
  }
  int removed = 0;  // ids count up
  for (int round = 0; round < 10; ++round) {
    const int other = round % 2 == 0 ? second_port : first_port;
    EXPECT_THAT(ask(port, post_text("/workers", R"({"url":")" + url_of(other) + "\"}")), StartsWith("HTTP/1.1 202"));
    EXPECT_THAT(ask(port, "DELETE /workers/" + std::to_string(removed++) + " HTTP/1.1\r\nhost: x\r\n\r\n"),
                StartsWith("HTTP/1.1 202"));
    const int before = good;
    EXPECT_TRUE(eventually([&] { return good > before + 10; }));
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(route.stop(SIGTERM).exit_code, 0);
}

}  // namespace
}  // namespace infbench::tests
