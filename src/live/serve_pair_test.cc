// A prefill and a decode worker, joined in virtual time: the hand-over over HTTP and the bootstrap port, and what may go wrong.
#include <gtest/gtest.h>

#include "live/serve_for_test.h"
#include "net/http_reader.h"

namespace infbench::live {
namespace {

using test::get;
using test::post;
using test::prompt_of;
using test::World;

constexpr std::size_t kPrefill = 0;
constexpr std::size_t kDecode = 1;

std::string body(std::uint64_t room, std::size_t tokens, int output, const std::string& more = {}) {
  return R"({"prompt":")" + prompt_of(tokens, tokens) + R"(","max_tokens":)" + std::to_string(output) +
         R"(,"bootstrap_host":"p","bootstrap_port":9001,"bootstrap_room":)" + std::to_string(room) + more + "}";
}

int status(const std::string& bytes) { return bytes.size() < 12 ? 0 : std::stoi(bytes.substr(9, 3)); }

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

class Pair : public ::testing::Test {
 protected:
  Pair()
      : world({test::settings(Role::prefill), test::settings(Role::decode)}),
        prefill(world.client(kPrefill)),
        decode(world.client(kDecode)) {}

  void ask_both(const std::string& text) {
    world.send(prefill, post("/v1/completions", text), kPrefill);
    world.send(decode, post("/v1/completions", text), kDecode);
  }
  std::string from_prefill() { return world.received(prefill, kPrefill); }
  std::string from_decode() { return world.received(decode, kDecode); }
  void expect_nothing_left() {
    EXPECT_TRUE(world.worker(kPrefill).idle());
    EXPECT_TRUE(world.worker(kDecode).idle());
    for (const std::size_t worker : {kPrefill, kDecode}) {
      const auto check = check_log(world.log(worker));
      ASSERT_TRUE(check.has_value()) << format_errors(check.error());
      EXPECT_EQ(check->differences, std::vector<std::string>{});
    }
  }

  World world;
  ClientId prefill;
  ClientId decode;
};

TEST_F(Pair, AnswersOneRequestTogether) {
  ask_both(body(77, 100, 5, R"(,"stream":true,"stream_options":{"include_usage":true})"));
  EXPECT_EQ(from_decode(), "");  // its status waits for the KV
  world.run();
  EXPECT_EQ(status(from_decode()), 200);
  EXPECT_EQ(count(from_decode(), "data: {"), 6U) << from_decode();
  EXPECT_EQ(count(from_decode(), "\"finish_reason\":\"length\""), 1U);
  EXPECT_NE(from_decode().find("\"prompt_tokens\":100,\"total_tokens\":105,\"completion_tokens\":5"), std::string::npos);
  EXPECT_NE(from_decode().find("[DONE]"), std::string::npos);
  EXPECT_EQ(status(from_prefill()), 200);
  EXPECT_EQ(count(from_prefill(), "data: {"), 2U);  // one token, and the usage
  EXPECT_NE(from_prefill().find("[DONE]"), std::string::npos);
  expect_nothing_left();
}

TEST_F(Pair, TheFirstTokenWaitsForTheLastByte) {
  ask_both(body(1, 100, 2, R"(,"stream":true)"));
  // 1.1 ms of prefill, 100 tokens of 1,000 bytes at 50 GB/s: 2 us, 10 us of latency.
  world.run_until(Time{} + microseconds(1'111));
  EXPECT_EQ(count(from_decode(), "data: {"), 0U);
  EXPECT_EQ(count(from_prefill(), "data: {"), 1U);
  world.run_until(Time{} + microseconds(1'113));
  EXPECT_EQ(count(from_decode(), "data: {"), 1U);
}

TEST_F(Pair, TellsWhatThePrefillSideHadCached) {
  ask_both(body(1, 100, 2));
  world.run();
  ask_both(body(2, 100, 2));
  world.run();
  EXPECT_EQ(count(from_decode(), "\"cached_tokens\":0"), 1U);
  EXPECT_EQ(count(from_decode(), "\"cached_tokens\":96"), 1U);
  expect_nothing_left();
}

TEST_F(Pair, WorksInWhateverOrderTheHalvesCome) {
  world.send(decode, post("/v1/completions", body(3, 50, 3)), kDecode);
  world.run_until(world.now() + seconds(3));
  world.send(prefill, post("/v1/completions", body(3, 50, 3)), kPrefill);
  world.run();
  EXPECT_EQ(status(from_decode()), 200);
  EXPECT_EQ(status(from_prefill()), 200);
  expect_nothing_left();
}

TEST_F(Pair, ManyAtOnceAllEnd) {
  std::vector<std::pair<ClientId, ClientId>> clients;
  for (std::uint64_t i = 0; i < 60; ++i) {
    clients.emplace_back(world.client(kPrefill), world.client(kDecode));
    const std::string text =
        body(1000 + i, 50 + 130 * (i % 9), static_cast<int>(1 + i % 7), i % 2 == 0 ? R"(,"stream":true)" : "");
    world.send(clients.back().first, post("/v1/completions", text), kPrefill);
    world.send(clients.back().second, post("/v1/completions", text), kDecode);
    world.run_until(world.now() + microseconds(300));
    if (i % 10 == 3) world.hang_up(clients[i].second, kDecode);
    if (i % 10 == 3) world.hang_up(clients[i].first, kPrefill);
  }
  world.run();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 10 == 3) continue;
    EXPECT_EQ(status(world.received(clients[i].second, kDecode)), 200);
    EXPECT_EQ(status(world.received(clients[i].first, kPrefill)), 200);
  }
  expect_nothing_left();
}

TEST_F(Pair, AHalfThatNeverComesIsAnErrorAfterTheTimeOut) {
  world.send(prefill, post("/v1/completions", body(1, 50, 3)), kPrefill);
  world.send(decode, post("/v1/completions", body(2, 50, 3)), kDecode);
  world.run_until(Time{} + seconds(29));
  EXPECT_EQ(from_prefill() + from_decode(), "");
  world.run_until(Time{} + seconds(31));
  EXPECT_EQ(status(from_prefill()), 502);
  EXPECT_EQ(status(from_decode()), 502);
  EXPECT_NE(from_prefill().find("in time"), std::string::npos);
  world.run_until(Time{} + seconds(70));
  expect_nothing_left();
}

TEST_F(Pair, ARefusalOnOneSideEndsTheOther) {
  // Larger than the KV of the decode worker, whose answer counts too.
  const std::string too_large =
      R"({"prompt":"a","max_tokens":9000,"bootstrap_host":"p","bootstrap_port":9001,"bootstrap_room":5})";
  ask_both(too_large);
  EXPECT_EQ(status(from_prefill()), 400);
  EXPECT_EQ(status(from_decode()), 400);
  world.run_until(Time{} + seconds(61));
  expect_nothing_left();
}

TEST_F(Pair, AClientThatLeavesOneSideFailsTheOther) {
  for (const std::size_t leaves : {kPrefill, kDecode}) {
    const ClientId a = world.client(kPrefill);
    const ClientId b = world.client(kDecode);
    const std::string text = body(40 + leaves, 2000, 3);
    world.send(a, post("/v1/completions", text), kPrefill);
    world.send(b, post("/v1/completions", text), kDecode);
    world.run_until(world.now() + microseconds(500));  // in the middle of the prompt
    world.hang_up(leaves == kPrefill ? a : b, leaves);
    EXPECT_EQ(status(leaves == kPrefill ? world.received(b, kDecode) : world.received(a, kPrefill)), 502);
    world.run();
  }
  expect_nothing_left();
}

TEST_F(Pair, ALostConnectionFailsBothAndTheNextRequestConnectsAgain) {
  ask_both(body(1, 2000, 3));
  world.run_until(world.now() + microseconds(500));
  world.cut();
  EXPECT_EQ(status(from_prefill()), 502);
  EXPECT_EQ(status(from_decode()), 502);
  EXPECT_NE(from_decode().find("p:9001 is lost: cut"), std::string::npos) << from_decode();
  world.run();
  ask_both(body(2, 20, 3));
  world.run();
  EXPECT_EQ(count(from_decode(), "200 OK"), 1U);
  expect_nothing_left();
}

TEST_F(Pair, APrefillWorkerThatCannotBeReachedIsAnError) {
  world.refuse_connections = true;
  world.send(decode, post("/v1/completions", body(1, 20, 3)), kDecode);
  EXPECT_EQ(status(from_decode()), 502);
  expect_nothing_left();
}

TEST_F(Pair, AStreamThatHasBegunEndsWithAnError) {
  ask_both(body(1, 100, 20, R"(,"stream":true)"));
  world.run_until(Time{} + microseconds(1'105));  // the prefill side has given its token, the KV is under way
  EXPECT_EQ(count(from_prefill(), "data: {"), 1U);
  world.hang_up(decode, kDecode);
  EXPECT_NE(from_prefill().find("data: {\"error\":"), std::string::npos);
  EXPECT_NE(from_prefill().find("data: [DONE]\n\n\r\n0\r\n\r\n"), std::string::npos);
  world.run();
  expect_nothing_left();
}

TEST_F(Pair, AsksForWhatARouterAdds) {
  const auto refused = [&](const std::string& text, std::size_t worker) {
    const ClientId client = world.client(worker);
    world.send(client, post("/v1/completions", text), worker);
    return status(world.received(client, worker));
  };
  EXPECT_EQ(refused(R"({"prompt":"a"})", kPrefill), 400);
  EXPECT_EQ(refused(R"({"prompt":"a"})", kDecode), 400);
  EXPECT_EQ(refused(R"({"prompt":"a","bootstrap_room":1,"bootstrap_host":"p","bootstrap_port":null})", kDecode), 400);
  EXPECT_EQ(refused(R"({"prompt":"a","bootstrap_room":-1,"bootstrap_host":"p","bootstrap_port":5})", kDecode), 400);
  EXPECT_EQ(refused(R"({"prompt":"a","bootstrap_room":1,"bootstrap_host":"p","bootstrap_port":70000})", kDecode), 400);
  world.send(prefill, post("/v1/completions", body(9, 20, 3)), kPrefill);
  // The room is taken: perhaps by the same request, sent again by a router whose connection broke. That is worth another try.
  EXPECT_EQ(refused(body(9, 20, 3), kPrefill), 503);
}

TEST_F(Pair, SaysWhatItIs) {
  const ClientId client = world.client(kPrefill);
  world.send(client, get("/server_info"), kPrefill);
  EXPECT_NE(world.received(client, kPrefill).find("\"disaggregation_mode\":\"prefill\",\"disaggregation_bootstrap_port\":9001"),
            std::string::npos);
}

}  // namespace
}  // namespace infbench::live
