// Whole replays over loopback against a scripted server, with all that can go wrong.
#include "live/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "live/http_call.h"
#include "live/scripted_server_for_test.h"
#include "trace/read.h"

namespace infbench::live {
namespace {

using ::testing::HasSubstr;

constexpr const char* kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string event(const std::string& data) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size() + 8);
  return std::string(size) + "data: " + data + "\n\n\r\n";
}
std::string text(const std::string& content) {
  return event(R"({"choices":[{"index":0,"delta":{"content":")" + content + R"("},"finish_reason":null}]})");
}
std::string good(int tokens) {
  std::string out = kHead;
  for (int i = 0; i < tokens; ++i) out += text(" w" + std::to_string(i));
  out += event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})");
  out += event(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":)" + std::to_string(tokens) + "}}");
  return out + event("[DONE]") + "0\r\n\r\n";
}

trace::Trace trace_of(int requests, int every_ms) {
  std::string rows;
  for (int i = 0; i < requests; ++i) {
    rows += R"({"timestamp": )" + std::to_string(i * every_ms) + R"(, "input_length": 3, "output_length": 4, "hash_ids": [)" +
            std::to_string(i) + "]}\n";
  }
  return trace::read_trace_text(rows, "rows").value().trace;
}

class ReplayTest : public ::testing::Test {
 protected:
  ReplayOutcome run(const std::vector<const ScriptedServer*>& servers, const trace::Trace& trace,
                    const trace::Schedule& schedule) {
    for (const ScriptedServer* server : servers) {
      options_.sender.targets.push_back({.host = "127.0.0.1", .port = server->port(), .path = "", .url = "u"});
    }
    options_.sender.request.model = "m";
    static const net::WordList words = net::WordList::built_in("data").value();
    net::EventLoop loop;
    ReplayHooks hooks;
    hooks.on_record = [this](const measure::LiveRecord& live) { lives_[live.record.request.value] = live; };
    return replay(loop, options_, trace, words, schedule, hooks);
  }
  ReplayOptions options_;
  std::map<std::uint32_t, measure::LiveRecord> lives_;
};

TEST_F(ReplayTest, AllRequestsOnTheirTimesOverKeptConnections) {
  const ScriptedServer server([](const auto&) { return ScriptedServer::Answer{good(4)}; });
  const trace::Trace trace = trace_of(40, 5);
  options_.threads = 2;
  const ReplayOutcome outcome = run({&server}, trace, fixed_schedule(trace, 1.0, {}, {}));
  ASSERT_EQ(outcome.records.size(), 40U);
  for (std::uint32_t i = 0; i < 40; ++i) {
    const measure::RequestRecord& r = outcome.records[i];
    EXPECT_TRUE(measure::succeeded(r)) << r.error;
    EXPECT_EQ(r.request.value, i);
    EXPECT_EQ(r.scheduled, outcome.start + milliseconds(5 * i));
    EXPECT_GE(r.sent, r.scheduled);
    EXPECT_GE(*r.first_token, r.sent);
    EXPECT_EQ(r.output, 4);
    EXPECT_EQ(r.input, 3);
  }
  EXPECT_EQ(outcome.figures.chunks, 160);
  EXPECT_EQ(outcome.figures.truncated, 0);
  EXPECT_EQ(server.requests().size(), 40U);
  EXPECT_EQ(static_cast<std::int64_t>(server.connections()), outcome.figures.connections);
}

TEST_F(ReplayTest, RowsWithLiteralPrompts) {
  const std::string whole = R"({"choices":[{"message":{"content":"w"},"finish_reason":"stop"}]})";
  const ScriptedServer server([&](const ScriptedServer::Request& request) -> ScriptedServer::Answer {
    if (request.body.find(R"("stream":true)") != std::string::npos) return {good(2)};
    return {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(whole.size()) +
            "\r\n\r\n" + whole};
  });
  const std::string rows =
      R"({"timestamp": 0, "session_id": 1, "messages": [{"role": "user", "content": "first"}], "output_length": 2})"
      "\n"
      R"({"session_id": 1, "messages": [{"role": "user", "content": "second"}]})"
      "\n"
      R"({"timestamp": 1, "payload": {"prompt": "a", "max_tokens": 9}, "session_id": 2})"
      "\n"
      R"({"timestamp": 2, "text_input": "b", "output_length": 7})"
      "\n";
  trace::ReadOptions reading;
  reading.count = [](trace::PromptKind, std::string_view) { return trace::CountedPrompt{.tokens = 11, .blocks = {5}}; };
  const trace::Trace trace = trace::read_trace_text(rows, "rows", reading).value().trace;
  const ReplayOutcome outcome = run({&server}, trace, closed_loop(trace, 4, 1));
  std::map<std::string, int> bodies;
  for (const ScriptedServer::Request& request : server.requests()) ++bodies[request.body];
  EXPECT_EQ(bodies[R"({"prompt": "a", "max_tokens": 9})"], 1);
  EXPECT_EQ(bodies[R"({"messages":[{"role": "user", "content": "second"}],"model":"m","stream":true,)"
                   R"("stream_options":{"include_usage":true}})"],
            1);  // without what was before, without a length
  const std::vector<std::pair<Tokens, Tokens>> expected = {{3, 2}, {3, 0}, {11, 9}, {3, 7}};  // input, output asked for
  ASSERT_EQ(outcome.records.size(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(measure::succeeded(lives_[i].record)) << lives_[i].record.error;
    EXPECT_EQ(lives_[i].record.input, expected[i].first) << i;
    EXPECT_EQ(lives_[i].record.output_asked, expected[i].second) << i;
  }
  EXPECT_EQ(outcome.figures.truncated, 1);  // of the text; the payload does not ask for an answer of the full length
}

TEST_F(ReplayTest, EachFaultIsAFailureOfItsClassAndTheOthersGoOn) {
  const std::vector<std::pair<ScriptedServer::Answer, std::string>> faults = {
      {{"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops"}, "HttpStatusError"},
      {{std::string(kHead) + text("a") + event(R"({"error":{"message":"late"}})") + event("[DONE]") + "0\r\n\r\n"},
       "ErrorInStream"},
      {{std::string(kHead) + text("a"), true}, "ConnectionCutError"},
      {{std::string(kHead) + text("a") + event("[DONE]") + "0\r\n\r\n"}, "UnfinishedAnswerError"},
      {{std::string(kHead) + event("{broken")}, "MalformedChunkError"},
      {{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"}, "ContentTypeError"},
      {{"what?\r\n\r\n"}, "HttpProtocolError"},
      {{good(2)}, ""},  // shorter than asked for: counted, but an answer
  };
  int next = 0;
  const ScriptedServer server([&](const auto&) {
    const auto at = static_cast<std::size_t>(next++);
    return at < faults.size() ? faults[at].first : ScriptedServer::Answer{good(4)};
  });
  const trace::Trace trace = trace_of(12, 0);
  const ReplayOutcome outcome = run({&server}, trace, closed_loop(trace, 12, 1));
  for (std::uint32_t i = 0; i < 12; ++i) {
    const std::string expected = i < faults.size() ? faults[i].second : "";
    EXPECT_EQ(lives_[i].error_class, expected) << i;
    EXPECT_EQ(measure::succeeded(outcome.records[i]), expected.empty()) << outcome.records[i].error;
  }
  EXPECT_EQ(outcome.figures.truncated, 1);
  const auto summary = measure::summarize(outcome.records, {.ttft = seconds(60), .itl = seconds(60)}, {}, 0);
  EXPECT_EQ(summary.errors, 7);
  EXPECT_THAT(measure::invalid_because(summary, outcome.figures, {.lag_p99_ms = 60000}),
              ::testing::ElementsAre(HasSubstr("7 of 12 requests failed"), HasSubstr("1 of 5 answers were shorter")));
}

TEST_F(ReplayTest, ALostIdleConnectionIsTriedOnceMore) {
  const ScriptedServer server([](const ScriptedServer::Request& request) {
    if (request.on_connection == 1) return ScriptedServer::Answer{"", true};  // as if it had closed just before
    return ScriptedServer::Answer{good(4)};
  });
  const trace::Trace trace = trace_of(4, 0);
  const ReplayOutcome outcome = run({&server}, trace, closed_loop(trace, 4, 1));
  for (const measure::RequestRecord& r : outcome.records) EXPECT_TRUE(measure::succeeded(r)) << r.error;
  EXPECT_EQ(outcome.figures.sent_again, 3);
}

TEST_F(ReplayTest, AServerMayHaveClosedAllIdleConnections) {
  const ScriptedServer server([](const ScriptedServer::Request& request) {
    return request.on_connection > 0 ? ScriptedServer::Answer{"", true} : ScriptedServer::Answer{good(4)};
  });
  const std::string row = R"({"timestamp": 0, "input_length": 3, "output_length": 4, "hash_ids": [1])";
  const std::string rows =
      row + R"(, "session_id": 1})" + "\n" + row + "}\n" + row + R"(, "session_id": 1, "delay": 100})" + "\n";
  const trace::Trace trace = trace::read_trace_text(rows, "rows").value().trace;
  const ReplayOutcome outcome = run({&server}, trace, fixed_schedule(trace, 1.0, {}, {}));
  for (const measure::RequestRecord& r : outcome.records) EXPECT_TRUE(measure::succeeded(r)) << r.error;
  EXPECT_EQ(outcome.figures.connections, 3);
}

TEST_F(ReplayTest, AClosedLoopOpensNoMoreConnectionsThanItHasSlots) {
  const ScriptedServer server([](const auto&) { return ScriptedServer::Answer{good(4)}; });
  const trace::Trace trace = trace_of(20, 0);
  const ReplayOutcome outcome = run({&server}, trace, closed_loop(trace, 20, 4));
  EXPECT_EQ(outcome.figures.connections, 4);
  const auto reused = std::count_if(outcome.records.begin(), outcome.records.end(),
                                    [](const measure::RequestRecord& r) { return r.http->connection_reused; });
  EXPECT_GE(reused, 16);
  for (const measure::RequestRecord& r : outcome.records) {
    EXPECT_GT(r.http->sent, 100);
    EXPECT_TRUE(r.http->send_end.has_value());
    EXPECT_EQ(r.http->connection_reused, r.http->connecting == Duration{});
  }
}

TEST_F(ReplayTest, NobodyListens) {
  int port = 0;
  {
    port = ScriptedServer([](const auto&) { return ScriptedServer::Answer{}; }).port();
  }
  options_.sender.targets.push_back({.host = "127.0.0.1", .port = port, .path = "", .url = "u"});
  const trace::Trace trace = trace_of(3, 1);
  const ReplayOutcome outcome = run({}, trace, fixed_schedule(trace, 1.0, {}, {}));
  ASSERT_EQ(outcome.records.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(lives_[i].error_class, "ConnectError") << outcome.records[i].error;
}

TEST_F(ReplayTest, TimeOutsAndTheEndOfTheDuration) {
  const ScriptedServer silent([](const auto&) { return ScriptedServer::Answer{std::string(kHead) + text("a")}; });
  const trace::Trace trace = trace_of(3, 0);
  options_.sender.request_timeout = milliseconds(30);
  const ReplayOutcome late = run({&silent}, trace, closed_loop(trace, 3, 2));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(lives_[i].error_class, "RequestTimeoutError");
  options_ = {};
  options_.duration = milliseconds(30);
  options_.grace = milliseconds(20);
  const ReplayOutcome ended = run({&silent}, trace, closed_loop(trace, 3, 2));
  ASSERT_EQ(ended.records.size(), 2U);
  for (const measure::RequestRecord& r : ended.records) EXPECT_EQ(r.error_code, 499);
  EXPECT_EQ(ended.figures.not_sent, 1);
  EXPECT_FALSE(ended.figures.interrupted);
}

TEST_F(ReplayTest, TurnsCarryTheAnswersAndFollowFailuresNowhere) {
  const trace::Trace trace =
      trace::read_trace_text(R"({"timestamp": 0, "input_length": 3, "output_length": 2, "hash_ids": [1], "session_id": "a"})"
                             "\n"
                             R"({"timestamp": 0, "input_length": 3, "output_length": 2, "hash_ids": [2], "session_id": "b"})"
                             "\n"
                             R"({"input_length": 4, "output_length": 2, "hash_ids": [3], "session_id": "a", "delay": 1})"
                             "\n"
                             R"({"input_length": 4, "output_length": 2, "hash_ids": [4], "session_id": "b", "delay": 1})"
                             "\n",
                             "rows")
          .value()
          .trace;
  const ScriptedServer server([&](const ScriptedServer::Request& request) {
    const bool b = request.head.find("x-correlation-id")->ends_with("000001");
    return b ? ScriptedServer::Answer{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"} : ScriptedServer::Answer{good(2)};
  });
  const ReplayOutcome outcome = run({&server}, trace, fixed_schedule(trace, 1.0, {}, {}));
  ASSERT_EQ(outcome.records.size(), 4U);
  int failed = 0;
  int not_sent = 0;
  for (const auto& [index, live] : lives_) {
    failed += live.error_class == "HttpStatusError" ? 1 : 0;
    not_sent += live.error_class == "PreviousTurnError" ? 1 : 0;
  }
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(not_sent, 1);
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_THAT(server.requests().back().body,
              HasSubstr(R"("},{"role":"assistant","content":" w0 w1"},{"role":"user","content":")"));
}

TEST_F(ReplayTest, SeveralServersTakeTurns) {
  const auto answer = [](const auto&) { return ScriptedServer::Answer{good(4)}; };
  const ScriptedServer one(answer);
  const ScriptedServer two(answer);
  const trace::Trace trace = trace_of(10, 1);
  const ReplayOutcome outcome = run({&one, &two}, trace, fixed_schedule(trace, 1.0, {}, {}));
  EXPECT_EQ(one.requests().size(), 5U);
  EXPECT_EQ(two.requests().size(), 5U);
  for (const measure::RequestRecord& r : outcome.records) EXPECT_EQ(r.worker->value, r.request.value % 2);
}

TEST(WaitForModel, UntilTheServerNamesIt) {
  int asked = 0;
  const ScriptedServer server([&asked](const auto&) {
    const std::string body = asked++ == 0 ? R"({"data":[]})" : R"({"data":[{"id":"m"}]})";
    return ScriptedServer::Answer{"HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
  });
  const std::vector<Target> targets = {{.host = "127.0.0.1", .port = server.port(), .path = "", .url = "http://x"}};
  net::EventLoop loop;
  EXPECT_TRUE(wait_for_model(loop, targets, "m", {}, seconds(60)).has_value());
  net::EventLoop other;
  const auto never = wait_for_model(other, targets, "n", {}, milliseconds(20));
  ASSERT_FALSE(never.has_value());
  EXPECT_THAT(never.error().front().what, HasSubstr("http://x did not become ready within 0.02 s"));
}

}  // namespace
}  // namespace infbench::live
