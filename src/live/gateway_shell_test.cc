// The gateway over sockets: what clients send and get, byte by byte.
#include "live/gateway_shell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "live/gateway_sockets_for_test.h"
#include "live/scripted_server_for_test.h"

namespace infbench::live {
namespace {

using test::answer_text;
using test::eventually;
using test::get_text;
using test::LiveGateway;
using test::local_worker;
using test::post_text;
using test::RawClient;
using test::stream_text;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kBody = R"({"messages":[{"role":"user","content":"hello"}]})";

GatewaySettings settings_for(std::initializer_list<const ScriptedServer*> workers) {
  GatewaySettings s = test::gateway_settings(0);
  for (const ScriptedServer* worker : workers) s.workers.push_back(local_worker(worker->port()));
  s.retry.backoff_first = milliseconds(1);
  return s;
}

ScriptedServer::Script always(std::string bytes, bool close = false) {
  return [=](const ScriptedServer::Request&) { return ScriptedServer::Answer{bytes, close}; };
}

TEST(GatewayShell, BodiesGoOnByteForByte) {
  ScriptedServer worker(always(answer_text("{ \"odd\" :1 }", 200, "x-theirs: 1\r\nkeep-alive: timeout=5\r\n")));
  const std::string odd = "  { \"foo\":1 , \"max_tokens\":3,\"messages\":[ ] ,\"foo\":2 }\n";
  {
    LiveGateway gateway(settings_for({&worker}));
    RawClient client(gateway.port());
    client.send(post_text(kChat, odd, "x-mine: 2\r\nx-request-id: abc\r\nconnection: x-private\r\nx-private: 3\r\n"));
    const std::string answer = client.read_answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n{ \"odd\" :1 }"));
    EXPECT_THAT(answer, HasSubstr("x-theirs: 1\r\n"));
    EXPECT_THAT(answer, HasSubstr("x-request-id: abc\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("keep-alive")));
  }
  ASSERT_EQ(worker.requests().size(), 1U);
  const auto& request = worker.requests()[0];
  EXPECT_EQ(request.body, odd);
  EXPECT_EQ(*request.head.find("x-mine"), "2");
  EXPECT_EQ(*request.head.find("x-request-id"), "abc");
  EXPECT_EQ(request.head.find("x-private"), nullptr);
  EXPECT_EQ(*request.head.find("host"), "127.0.0.1:" + std::to_string(worker.port()));
}

TEST(GatewayShell, AnswersOfEveryFramingReachClientsOfEveryKind) {
  struct Case {
    const char* what;
    std::string answer;
    bool close;
  };
  const std::string payload = "data: hello\n\ndata: [DONE]\n\n";
  const Case cases[] = {
      {"length", answer_text(payload), false},
      {"chunks", stream_text({"hello", "[DONE]"}), false},
      {"close", "HTTP/1.1 200 OK\r\n\r\n" + payload, true},
      {"after 100", "HTTP/1.1 100 Continue\r\n\r\n" + answer_text(payload), false},
  };
  for (const Case& each : cases) {
    ScriptedServer worker(always(each.answer, each.close));
    LiveGateway gateway(settings_for({&worker}));
    RawClient modern(gateway.port());
    modern.send(post_text(kChat, kBody, "connection: close\r\n"));
    const std::string answer = modern.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n")) << each.what;
    EXPECT_THAT(answer, HasSubstr("data: hello\n\n")) << each.what;
    const bool chunked = answer.find("transfer-encoding: chunked") != std::string::npos;
    EXPECT_THAT(answer, EndsWith(chunked ? "0\r\n\r\n" : payload)) << each.what;
    RawClient old(gateway.port());
    old.send("POST /v1/chat/completions HTTP/1.0\r\ncontent-length: " + std::to_string(kBody.size()) + "\r\n\r\n" +
             std::string(kBody));
    const std::string plain = old.read_all();
    EXPECT_THAT(plain, EndsWith("\r\n\r\n" + payload)) << each.what;
    EXPECT_THAT(plain, Not(HasSubstr("chunked"))) << each.what;
  }
}

TEST(GatewayShell, AWorkerThatDiesInItsAnswerLeavesACutStream) {
  for (const bool with_length : {false, true}) {
    ScriptedServer worker(
        always(with_length ? "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\ndata: one\n\n" : stream_text({"one", "two"}, false),
               true));
    LiveGateway gateway(settings_for({&worker}));
    RawClient client(gateway.port());
    client.send(post_text(kChat, kBody));
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, HasSubstr("data: one\n\n"));
    EXPECT_THAT(answer, Not(HasSubstr("[DONE]")));
    EXPECT_THAT(answer, Not(HasSubstr("error")));
    EXPECT_THAT(answer, Not(EndsWith("0\r\n\r\n")));
    EXPECT_EQ(gateway.calls(), 0U);
  }
}

TEST(GatewayShell, ABrokenWorkerIsNotSeenByClients) {
  for (const bool replies : {false, true}) {
    ScriptedServer broken(always(replies ? answer_text("no", 503) : "", true));
    ScriptedServer fine(always(answer_text("yes")));
    GatewaySettings s = settings_for({&broken, &fine});
    s.policy = "cache_aware";
    LiveGateway gateway(s);
    for (int i = 0; i < 24; ++i) {
      RawClient client(gateway.port());
      client.send(post_text(kChat, kBody));
      EXPECT_THAT(client.read_answer(), EndsWith("yes")) << i;
    }
    EXPECT_GE(broken.answered(), 1);
  }
}

TEST(GatewayShell, WhenTheClientGoesTheWorkerIsFreedAtOnce) {
  // Silent before its head, after it, and in the middle of a stream.
  for (const std::string& said : {std::string(), stream_text({}, false), stream_text({"one"}, false)}) {
    ScriptedServer worker(always(said));
    LiveGateway gateway(settings_for({&worker}));
    RawClient client(gateway.port());
    client.send(post_text(kChat, kBody));
    if (!said.empty()) {
      EXPECT_THAT(client.read_to("\r\n\r\n"), HasSubstr("200"));
    }
    ASSERT_TRUE(eventually([&] { return worker.answered() == 1; }));
    EXPECT_EQ(worker.closed(), 0);
    client.close();
    EXPECT_TRUE(eventually([&] { return worker.closed() == 1; }));
    EXPECT_EQ(gateway.calls(), 0U);
  }
}

TEST(GatewayShell, BadRequestsAreRefusedAndReachNoWorker) {
  const std::string body(kBody);
  const std::string length = "content-length: " + std::to_string(body.size()) + "\r\n";
  const std::string begin = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";
  std::string many;
  for (int i = 0; i < 150; ++i) many += "h" + std::to_string(i) + ": 1\r\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {post_text(kChat, "{\"messages\":["), "400"},
      {post_text(kChat, "[1]"), "400"},
      {post_text("/v1/completions", R"({"prompt":7})"), "400"},
      {get_text("/nowhere"), "404"},
      {get_text(kChat), "405"},
      {"PUT /v1/completions HTTP/1.1\r\nhost: x\r\n\r\n", "405"},
      {"PUT /workers HTTP/1.1\r\nhost: x\r\n\r\n", "405"},
      {begin + many + length + "\r\n" + body, "431"},
      {begin + "big: " + std::string(2U << 20U, 'a') + "\r\n" + length + "\r\n" + body, "431"},
      {begin + length + "content-length: 3\r\n\r\n" + body, "400"},
      {begin + length + "transfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST /v1/chat/completions HTTP/1.1\nhost: x\n" + length + "\n" + body, "400"},
      {begin + "content-length: 5x\r\n\r\n" + body, "400"},
      {begin + "content-length : 5\r\n\r\n" + body, "400"},
      {begin + "transfer-encoding: chunked, gzip\r\n\r\n", "400"},
      {"nonsense\r\n\r\n", "400"},
  };
  ScriptedServer worker(always(answer_text("yes")));
  LiveGateway gateway(settings_for({&worker}));
  for (const auto& [request, status] : cases) {
    RawClient client(gateway.port());
    client.send(request);
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 " + status)) << request.substr(0, 100);
  }
  EXPECT_EQ(worker.answered(), 0);
  RawClient client(gateway.port());
  client.send(post_text(kChat, kBody));
  EXPECT_THAT(client.read_answer(), EndsWith("yes"));
}

TEST(GatewayShell, HeadPipelinesAndExpectations) {
  ScriptedServer worker([](const ScriptedServer::Request& request) {
    return ScriptedServer::Answer{answer_text(std::to_string(request.body.size()))};
  });
  LiveGateway gateway(settings_for({&worker}));
  RawClient client(gateway.port());
  client.send("HEAD /health HTTP/1.1\r\nhost: x\r\n\r\nHEAD /v1/models HTTP/1.1\r\nhost: x\r\n\r\n" + post_text(kChat, kBody) +
              get_text("/readiness"));
  EXPECT_THAT(client.read_to("\r\n\r\n"), HasSubstr("content-length: 2\r\n"));
  EXPECT_THAT(client.read_to("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\n" + std::to_string(kBody.size())));
  EXPECT_THAT(client.read_answer(), EndsWith(R"({"status":"ready","healthy_workers":1,"total_workers":1})"));
  client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: " +
              std::to_string(kBody.size()) + "\r\n\r\n");
  EXPECT_EQ(client.read_to("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(kBody);
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\n" + std::to_string(kBody.size())));
}

TEST(GatewayShell, ErrorsNameNoAddress) {
  int port = 0;
  {
    const ScriptedServer gone(always(""));
    port = gone.port();
  }
  GatewaySettings s = settings_for({});
  s.workers.push_back(local_worker(port));
  LiveGateway gateway(s);
  RawClient client(gateway.port());
  for (const std::string& request : {post_text(kChat, kBody), get_text("/v1/models"), post_text("/flush_cache", "")}) {
    client.send(request);
    const std::string answer = client.read_answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 502"));
    EXPECT_THAT(answer, Not(HasSubstr(std::to_string(port))));
    EXPECT_THAT(answer, Not(HasSubstr("127.0.0.1")));
  }
}

TEST(GatewayShell, TheKeyIsAskedForButNotOfProbes) {
  ScriptedServer worker(always(answer_text("yes")));
  GatewaySettings s = settings_for({&worker});
  s.api_key = "secret";
  LiveGateway gateway(s);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {get_text("/health"), "200"},
      {get_text("/readiness"), "200"},
      {get_text("/liveness"), "200"},
      {get_text("/workers"), "401"},
      {get_text("/v1/models"), "401"},
      {post_text("/flush_cache", ""), "401"},
      {post_text("/workers", R"({"url":"http://x"})"), "401"},
      {post_text(kChat, kBody), "401"},
      {post_text(kChat, kBody, "authorization: Bearer wrong\r\n"), "401"},
      {post_text(kChat, kBody, "authorization: Bearer secret\r\n"), "200"},
  };
  for (const auto& [request, status] : cases) {
    RawClient client(gateway.port());
    client.send(request);
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 " + status)) << request;
  }
}

TEST(GatewayShell, WorkersAreAddedAndRemovedAtRunTime) {
  ScriptedServer first(always(answer_text("first")));
  ScriptedServer second(always(answer_text("second")));
  LiveGateway gateway(settings_for({&first}));
  RawClient client(gateway.port());
  const auto ask = [&](const std::string& request) {
    client.send(request);
    return client.read_answer();
  };
  const std::string added = R"({"url":"http://127.0.0.1:)" + std::to_string(second.port()) + R"("})";
  EXPECT_THAT(ask(post_text("/workers", added)), HasSubstr(R"({"status":"accepted","worker_id":"1")"));
  EXPECT_THAT(ask(post_text("/workers", added)), HasSubstr("it was there already"));
  EXPECT_THAT(ask(post_text("/workers", "{}")), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(post_text("/workers", R"({"url":"x","worker_type":"decode"})")), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(get_text("/workers")), HasSubstr(R"("total":2)"));
  EXPECT_THAT(ask(post_text(kChat, kBody)), EndsWith("first"));
  EXPECT_THAT(ask(post_text(kChat, kBody)), EndsWith("second"));
  EXPECT_THAT(ask("DELETE /workers/0 HTTP/1.1\r\nhost: x\r\n\r\n"), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(ask("DELETE /workers/0 HTTP/1.1\r\nhost: x\r\n\r\n"), StartsWith("HTTP/1.1 404"));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(ask(post_text(kChat, kBody)), EndsWith("second"));
  EXPECT_THAT(ask(get_text("/workers")), HasSubstr(R"("total":1)"));
}

TEST(GatewayShell, AConnectionThatTheWorkerClosedMeanwhileIsReplaced) {
  ScriptedServer worker(always(answer_text("yes"), true));  // closes without having said so
  GatewaySettings s = settings_for({&worker});
  s.retry.attempts_max = 1;
  LiveGateway gateway(s);
  RawClient client(gateway.port());
  for (int i = 0; i < 50; ++i) {
    client.send(post_text(kChat, kBody));
    EXPECT_THAT(client.read_answer(), EndsWith("yes"));
  }
}

TEST(GatewayShell, SlowSendersAreLetGo) {
  ScriptedServer worker(always(answer_text("yes")));
  GatewaySettings s = settings_for({&worker});
  s.head_timeout = milliseconds(100);
  LiveGateway gateway(s);
  // Not even a byte now and then keeps a head, or a small body, alive.
  for (const std::string& begin :
       {std::string("POST / HTTP/1.1\r\nx: "), post_text(kChat, std::string(100'000, 'x')).substr(0, 300)}) {
    RawClient client(gateway.port());
    client.send(begin);
    EXPECT_TRUE(eventually([&] { return !client.send("a"); }));
  }
}

TEST(GatewayShell, AClientThatDoesNotReadGetsEverythingInTheEnd) {
  const std::string large(std::size_t{48} << 20U, 'z');
  ScriptedServer worker(always(answer_text(large)));
  LiveGateway gateway(settings_for({&worker}));
  RawClient client(gateway.port());
  client.send(post_text(kChat, kBody));
  EXPECT_THAT(client.read_to("\r\n\r\n"), HasSubstr("content-length: " + std::to_string(large.size())));
  RawClient other(gateway.port());  // meanwhile others are served
  other.send(get_text("/health"));
  EXPECT_THAT(other.read_answer(), EndsWith("OK"));
  std::size_t got = 0;
  while (got < large.size()) {
    const std::string piece = client.read_to("z");
    if (piece.empty()) break;
    got += piece.size();
    if (got == 1) break;  // the rest below, at once
  }
  EXPECT_EQ(got, 1U);
  client.send(get_text("/liveness"));
  const std::string rest = client.read_to("HTTP/1.1");
  EXPECT_EQ(rest.size(), large.size() - 1 + std::string_view("HTTP/1.1").size());
}

TEST(GatewayShell, DrainingFinishesAnswersAndTakesNothingNew) {
  ScriptedServer worker([](const ScriptedServer::Request&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return ScriptedServer::Answer{stream_text({"one", "[DONE]"})};
  });
  LiveGateway gateway(settings_for({&worker}));
  RawClient idle(gateway.port());
  idle.send(get_text("/health"));
  EXPECT_THAT(idle.read_answer(), EndsWith("OK"));
  RawClient client(gateway.port());
  client.send(post_text(kChat, kBody));
  ASSERT_TRUE(eventually([&] { return gateway.calls() == 1; }));
  gateway.drain();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(eventually([&] { return !RawClient(gateway.port()).connected(); }));
  EXPECT_THAT(client.read_all(), AllOf(HasSubstr("[DONE]"), EndsWith("0\r\n\r\n")));
  EXPECT_TRUE(eventually([&] { return gateway.drained(); }));
}

TEST(GatewayShell, MoreClientsThanThereAreFilesForAreRefused) {
  ScriptedServer worker(always(answer_text("yes")));
  GatewaySettings s = settings_for({&worker});
  s.clients_max = 2;
  LiveGateway gateway(s);
  const auto ask = [&](RawClient& client) {
    client.send(post_text(kChat, kBody));
    return client.read_answer();
  };
  RawClient first(gateway.port());
  RawClient second(gateway.port());
  EXPECT_THAT(ask(first), EndsWith("yes"));
  EXPECT_THAT(ask(second), EndsWith("yes"));
  RawClient third(gateway.port());
  EXPECT_THAT(third.read_all(), StartsWith("HTTP/1.1 503"));
  first.close();
  EXPECT_TRUE(eventually([&] {
    RawClient fourth(gateway.port());
    return ask(fourth).ends_with("yes");
  }));
}

TEST(GatewayShell, ExplainsItsChoiceWhenAsked) {
  ScriptedServer worker(always(answer_text("yes")));
  GatewaySettings s = settings_for({&worker});
  s.explain = true;
  LiveGateway gateway(s);
  RawClient client(gateway.port());
  client.send(post_text(kChat, kBody));
  EXPECT_THAT(client.read_answer(), HasSubstr("x-srtctl-worker: http://127.0.0.1:" + std::to_string(worker.port()) +
                                              "\r\nx-srtctl-reason: turn\r\n"));
}

// ---- Pairs

struct Pair {
  Pair(ScriptedServer::Script at_prefill, ScriptedServer::Script at_decode)
      : prefill(std::move(at_prefill)), decode(std::move(at_decode)) {}
  GatewaySettings settings() const {
    GatewaySettings s = settings_for({});
    s.disaggregated = true;
    s.workers = {local_worker(prefill.port(), Role::prefill), local_worker(decode.port(), Role::decode)};
    s.workers[0].bootstrap_port = 8998;
    return s;
  }
  ScriptedServer prefill;
  ScriptedServer decode;
};

TEST(GatewayShell, BothWorkersOfAPairGetTheSameRoomAndTheRestAsItCame) {
  for (const auto& [body, prompts] : std::vector<std::pair<std::string, int>>{
           {" { \"prompt\" : \"a\",\"foo\":1}\n", 1}, {R"({"prompt":["a","b"]})", 2}, {"{}", 1}}) {
    Pair pair(always(answer_text("prefilled")), always(answer_text("decoded")));
    {
      LiveGateway gateway(pair.settings());
      RawClient client(gateway.port());
      client.send(post_text("/v1/completions", body));
      EXPECT_THAT(client.read_answer(), EndsWith("decoded"));
      EXPECT_TRUE(eventually([&] { return pair.prefill.answered() == 1; }));
    }
    ASSERT_EQ(pair.prefill.requests().size(), 1U);
    ASSERT_EQ(pair.decode.requests().size(), 1U);
    const std::string& sent = pair.prefill.requests()[0].body;
    EXPECT_EQ(pair.decode.requests()[0].body, sent);
    const std::size_t brace = body.find('{') + 1;
    EXPECT_THAT(sent, StartsWith(body.substr(0, brace) + "\"bootstrap_host\":"));
    EXPECT_THAT(sent, EndsWith((body == "{}" ? "" : ",") + body.substr(brace)));
    EXPECT_THAT(
        sent, HasSubstr(prompts == 1
                            ? R"("bootstrap_host":"127.0.0.1","bootstrap_port":8998,"bootstrap_room":)"
                            : R"("bootstrap_host":["127.0.0.1","127.0.0.1"],"bootstrap_port":[8998,8998],"bootstrap_room":[)"));
  }
}

TEST(GatewayShell, APairIsOnlyAsGoodAsBothHalves) {
  struct Case {
    ScriptedServer::Answer prefill;
    ScriptedServer::Answer decode;
    std::string begin;
    std::string end;
  };
  const Case cases[] = {
      {{answer_text("too long", 400)}, {stream_text({}, false)}, "HTTP/1.1 400", "too long"},
      {{answer_text("ok")}, {answer_text("bad", 422)}, "HTTP/1.1 422", "bad"},
      {{"", true}, {stream_text({}, false)}, "HTTP/1.1 502", "}"},
      {{answer_text("ok")}, {stream_text({"one"}, false), true}, "HTTP/1.1 200", "data: one\n\n\r\n"},
      {{answer_text("ok")}, {"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"}, "HTTP/1.1 200", "\r\n\r\n"},
      {{answer_text("ok")}, {"HTTP/1.1 200 OK\r\n\r\n", true}, "HTTP/1.1 200", "0\r\n\r\n"},
  };
  for (const Case& each : cases) {
    Pair pair([&](const auto&) { return each.prefill; }, [&](const auto&) { return each.decode; });
    LiveGateway gateway(pair.settings());
    RawClient client(gateway.port());
    client.send(post_text(kChat, kBody, "connection: close\r\n"));
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, StartsWith(each.begin));
    EXPECT_THAT(answer, EndsWith(each.end));
    EXPECT_EQ(gateway.calls(), 0U);
  }
}

}  // namespace
}  // namespace infbench::live
