// Every way in which an answer can come or fail, as bytes, without sockets.
#include "live/replay_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace infbench::live {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string http_chunk(const std::string& data) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + data + "\r\n";
}
std::string event(const std::string& data) { return http_chunk("data: " + data + "\n\n"); }
std::string content(const std::string& text, const std::string& finish = "null") {
  return event(R"({"id":"1","choices":[{"index":0,"delta":{"content":")" + text + R"("},"finish_reason":)" + finish + "}]}");
}
const std::string kRole =
    event(R"({"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})");
const std::string kFinish = event(R"({"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]})");
const std::string kUsage = event(
    R"({"id":"1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}})");
const std::string kDone = event("[DONE]");
const std::string kEnd = "0\r\n\r\n";
const std::string kGood = kHead + kRole + content(" a") + content(" b") + kFinish + kUsage + kDone + kEnd;

Time at(std::int64_t ms) { return Time{} + milliseconds(ms); }

class ExchangeTest : public ::testing::Test {
 protected:
  Exchange& begin(ExchangeOptions options = {}) {
    exchange_ = std::make_unique<Exchange>(options, parser_);
    measure::LiveRecord live;
    live.record.request = {7};
    live.record.scheduled = at(90);
    live.record.output_asked = 2;
    exchange_->begin(std::move(live), at(100));
    return *exchange_;
  }
  JsonParser parser_;
  std::unique_ptr<Exchange> exchange_;
};

TEST_F(ExchangeTest, AGoodStream) {
  Exchange& e = begin({.keep_text = true, .use_server_count = true});
  e.on_sending(1000, false, milliseconds(3), at(101));
  e.on_sent(at(104));
  e.on_bytes(kHead + kRole, at(110));
  EXPECT_FALSE(e.record().record.first_token);  // a role is no token
  e.on_bytes(content(" a"), at(120));
  e.on_bytes(content(" \\\"b\\\\"), at(150));
  e.on_bytes(content(" c") + content(" d") + kFinish + kUsage + kDone, at(160));
  EXPECT_FALSE(e.done());
  e.on_bytes(kEnd, at(170));
  ASSERT_TRUE(e.done());
  EXPECT_TRUE(e.reusable());
  const measure::LiveRecord& live = e.record();
  EXPECT_TRUE(measure::succeeded(live.record)) << live.record.error;
  EXPECT_EQ(live.record.sent, at(100));
  EXPECT_EQ(live.record.first_token, at(120));
  EXPECT_EQ(live.record.second_token, at(150));
  EXPECT_EQ(live.record.end, at(160));  // the last token, not the last byte
  EXPECT_EQ(live.record.output, 2);     // as the server counted
  EXPECT_TRUE(live.counted_by_server);
  EXPECT_EQ(live.record.cached, 4);
  EXPECT_EQ(live.record.input, 9);  // as well
  EXPECT_EQ(live.client_tokens, 4);
  ASSERT_TRUE(live.record.http);
  const measure::HttpExchange& http = *live.record.http;
  EXPECT_EQ(http.send_start, at(101));
  EXPECT_EQ(http.send_end, at(104));
  EXPECT_EQ(http.connecting, milliseconds(3));
  EXPECT_EQ(http.receive_start, at(110));
  EXPECT_EQ(http.receive_end, at(170));
  EXPECT_EQ(http.sent, 1000);
  EXPECT_EQ(http.reads, 5);
  EXPECT_EQ(http.first_output, at(120));
  EXPECT_THAT(http.gaps_ns, ElementsAre(30'000'000, 10'000'000, 0));
  EXPECT_EQ(http.usage.completion, 2);
  EXPECT_EQ(http.usage.cached, 4);
  EXPECT_EQ(http.usage.total, -1);
  EXPECT_EQ(live.chunks, 4);
  EXPECT_EQ(live.chunks_together, 1);
  EXPECT_EQ(e.answer(), " a \\\"b\\\\ c d");
  measure::GapHistogram gaps;
  e.add_gaps_to(gaps);
  EXPECT_EQ(gaps.count(), 3);
  EXPECT_DOUBLE_EQ(gaps.stats_ms().max, 30);
}

// Whose count the lengths are.
TEST_F(ExchangeTest, TokensByTheClientUnlessTheServersAreWanted) {
  const net::WordList words = net::WordList::built_in("data").value();
  const auto whole = [](const std::string& text) {
    const std::string body = R"({"choices":[{"message":{"content":")" + text +
                             R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7}})";
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  };
  struct Case {
    const char* name;
    std::string bytes;
    bool streaming;
    bool use_server_count;
    Tokens input, output, client;
  };
  const std::string three = kHead + content(" a") + content(" b") + content(" c") + kFinish + kUsage + kDone + kEnd;
  for (const Case& one : {Case{"a chunk is a token", three, true, false, 50, 3, 3},
                          {"the server's", three, true, true, 9, 2, 3},
                          {"no usage", kHead + content(" a") + kFinish + kDone + kEnd, true, true, 50, 1, 1},
                          {"whole, by words", whole(" the water \\u00e9\\n12345"), false, false, 50, 5, 5},
                          {"whole, the server's", whole(" the water"), false, true, 5, 7, 2}}) {
    exchange_ = std::make_unique<Exchange>(
        ExchangeOptions{.streaming = one.streaming, .use_server_count = one.use_server_count, .words = &words}, parser_);
    measure::LiveRecord live;
    live.record.input = 50;
    exchange_->begin(std::move(live), at(100));
    exchange_->on_bytes(one.bytes, at(120));
    ASSERT_TRUE(exchange_->done()) << one.name;
    EXPECT_TRUE(measure::succeeded(exchange_->record().record)) << one.name << exchange_->record().record.error;
    EXPECT_EQ(exchange_->record().record.input, one.input) << one.name;
    EXPECT_EQ(exchange_->record().record.output, one.output) << one.name;
    EXPECT_EQ(exchange_->record().client_tokens, one.client) << one.name;
  }
}

TEST_F(ExchangeTest, KeepsTheBytesWhenAsked) {
  Exchange& e = begin({.keep_raw = true});
  const std::vector<std::string_view> parts = {"POST / HTTP/1.1\r\n\r\n", "{}"};
  e.keep_request(parts);
  e.on_bytes(kHead + kRole + content(" a"), at(120));
  e.on_bytes(kFinish + kDone + kEnd, at(130));
  const measure::RawExchange& raw = *e.record().raw;
  EXPECT_EQ(raw.request, "POST / HTTP/1.1\r\n\r\n{}");
  EXPECT_EQ(raw.status, 200);
  EXPECT_TRUE(raw.is_stream);
  ASSERT_EQ(raw.responses.size(), 4U);  // each event, also those that carry no text
  EXPECT_THAT(raw.responses[1].text, HasSubstr("\" a\""));
  EXPECT_EQ(raw.responses[1].received, at(120));
  EXPECT_EQ(raw.responses[3].text, "[DONE]");
  Exchange& refused = begin({.keep_raw = true});
  refused.on_bytes("HTTP/1.1 404 No\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\noops", at(120));
  EXPECT_EQ(refused.record().raw->status, 404);
  ASSERT_EQ(refused.record().raw->responses.size(), 1U);
  EXPECT_EQ(refused.record().raw->responses[0].text, "oops");
  EXPECT_EQ(refused.record().raw->content_type, "text/plain");
}

TEST_F(ExchangeTest, AnswersThatAreGood) {
  const std::string by_close =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: "
      R"({"choices":[{"text":" x","finish_reason":"stop"}]})"
      "\n\n";
  const std::string reasoning =
      event(R"({"choices":[{"delta":{"content":null,"reasoning_content":" hm"},"finish_reason":null}]})");
  struct Case {
    const char* name;
    std::string bytes;
    bool closed;
    std::int64_t chunks;
  };
  const std::vector<Case> cases = {
      {"plain", kGood, false, 2},
      {"without [DONE]", kHead + content("a", "\"stop\"") + kEnd, false, 1},
      {"completions, ended by closing", by_close, true, 1},
      {"closed after [DONE] without HTTP's own end", kHead + content("a") + kFinish + kDone, true, 1},
      {"reasoning", kHead + reasoning + kFinish + kDone + kEnd, false, 1},
      {"comments and empty events", kHead + http_chunk(": ping\n\n") + content("a") + kFinish + kDone + kEnd, false, 1},
      {"finish_reason beside the last text", kHead + content("a") + content("b", "\"length\"") + kDone + kEnd, false, 2},
  };
  for (const Case& one : cases) {
    Exchange& e = begin();
    e.on_bytes(one.bytes, at(120));
    if (one.closed) e.on_closed("", at(130));
    ASSERT_TRUE(e.done()) << one.name;
    EXPECT_TRUE(measure::succeeded(e.record().record)) << one.name << ": " << e.record().record.error;
    EXPECT_EQ(e.record().chunks, one.chunks) << one.name;
  }
}

TEST_F(ExchangeTest, EveryFaultHasItsClass) {
  const std::string refused = R"({"error":{"message":"too long","code":400}})";
  const auto whole = [](const std::string& status, const std::string& type, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  };
  struct Case {
    const char* name;
    std::string bytes;
    bool closed;
    Failure failure;
    int code;
    const char* message;  // part of it
  };
  const std::vector<Case> cases = {
      {"500", whole("500 Oops", "text/plain", "boom\nhere"), false, Failure::http_status, 500, "HTTP status 500: boom here"},
      {"400 with an error object", whole("400 Bad", "application/json", refused), false, Failure::http_status, 400, "too long"},
      {"200 that is no stream", whole("200 OK", "application/json", "{}"), false, Failure::content_type, 500,
       "expected text/event-stream, found application/json"},
      {"error in the stream", kHead + content("a") + event(refused) + kDone + kEnd, false, Failure::error_in_stream, 400,
       "too long"},
      {"error of the old kind", kHead + event(R"({"object":"error","message":"x","code":503})"), false,
       Failure::error_in_stream, 500, ": x"},
      {"error as text", kHead + event(R"({"error":"no"})"), false, Failure::error_in_stream, 500, ": no"},
      {"no finish_reason", kHead + content("a") + kDone + kEnd, false, Failure::unfinished, 500, "without a finish_reason"},
      {"nor [DONE]", kHead + content("a") + kEnd, false, Failure::unfinished, 500, "not even [DONE]"},
      {"no token", kHead + kRole + kFinish + kDone + kEnd, false, Failure::empty, 500, "without a token"},
      {"cut before the head", "HTTP/1.1 20", true, Failure::cut, 0, "closed by the server"},
      {"cut without a byte", "", true, Failure::cut, 0, "closed by the server"},
      {"cut between events", kHead + content("a"), true, Failure::cut, 0, "before the answer did"},
      {"cut in an event", std::string(kHead) + "20\r\ndata: {\"choi", true, Failure::cut, 0, "in the middle of an event"},
      {"last event cut, HTTP ended well", kHead + content("a") + kFinish + http_chunk("data: {\"x") + kEnd, false,
       Failure::bad_chunk, 500, "the last event is cut"},
      {"broken JSON", kHead + event(R"({"choices":[{)"), false, Failure::bad_chunk, 500, "not a chunk"},
      {"two documents", kHead + event(R"({"choices":[]} {})"), false, Failure::bad_chunk, 500, "not a chunk"},
      {"not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", false, Failure::bad_http, 500, "not HTTP"},
      {"bad chunk size", std::string(kHead) + "zz\r\n", false, Failure::bad_http, 500, "not HTTP"},
  };
  for (const Case& one : cases) {
    Exchange& e = begin();
    e.on_bytes(one.bytes, at(120));
    if (one.closed) e.on_closed("", at(130));
    ASSERT_TRUE(e.done()) << one.name;
    const measure::LiveRecord& live = e.record();
    EXPECT_FALSE(measure::succeeded(live.record)) << one.name;
    EXPECT_EQ(live.error_class, class_of(one.failure)) << one.name << ": " << live.record.error;
    EXPECT_EQ(live.record.error_code, one.code) << one.name;
    EXPECT_THAT(live.record.error, HasSubstr(one.message)) << one.name;
    measure::GapHistogram gaps;
    e.add_gaps_to(gaps);
    EXPECT_EQ(gaps.count(), 0) << one.name;
  }
}

TEST_F(ExchangeTest, WhatTheShellReports) {
  for (const auto& [failure, code] : {std::pair{Failure::timeout, 504}, {Failure::cancelled, 499}, {Failure::connect, 0}}) {
    Exchange& e = begin();
    e.on_bytes(kHead + content("a"), at(120));
    e.fail(failure, "why", at(500));
    ASSERT_TRUE(e.done());
    EXPECT_FALSE(e.reusable());
    EXPECT_EQ(e.record().record.error_code, code);
    EXPECT_EQ(e.record().record.end, at(500));
    EXPECT_EQ(e.record().error_cause, "why");
    e.on_bytes(kFinish + kDone + kEnd, at(600));  // too late
    EXPECT_FALSE(measure::succeeded(e.record().record));
  }
}

TEST_F(ExchangeTest, AConnectionIsUsedAgainOnlyAfterAWholeAnswer) {
  struct Case {
    std::string bytes;
    bool reusable;
  };
  const std::string closing =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const Case& one : {Case{kGood, true},
                          {kGood + "HTTP/1.1 200", false},
                          {closing + content("a", "\"stop\"") + kEnd, false},
                          {"HTTP/1.1 429 Slow\r\nContent-Length: 2\r\n\r\nno", true},
                          {kHead + event(R"({"error":"no"})") + kDone + kEnd, false}}) {
    Exchange& e = begin();
    e.on_bytes(one.bytes, at(120));
    ASSERT_TRUE(e.done());
    EXPECT_EQ(e.reusable(), one.reusable) << one.bytes;
  }
}

TEST_F(ExchangeTest, AWholeAnswerWithoutAStream) {
  const std::string body = R"({"choices":[{"message":{"role":"assistant","content":" x y"},"finish_reason":"stop"}],)"
                           R"("usage":{"prompt_tokens":5,"completion_tokens":2}})";
  Exchange& e = begin({.streaming = false, .keep_text = true});
  e.on_bytes("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n",
             at(110));
  e.on_bytes(body.substr(0, 20), at(120));
  e.on_bytes(body.substr(20), at(130));
  ASSERT_TRUE(e.done());
  EXPECT_TRUE(measure::succeeded(e.record().record)) << e.record().record.error;
  EXPECT_EQ(e.record().record.http->usage.completion, 2);
  EXPECT_EQ(e.record().record.first_token, at(130));
  EXPECT_EQ(e.answer(), " x y");
  Exchange& streamed = begin({.streaming = false});
  streamed.on_bytes(kGood, at(120));
  EXPECT_EQ(streamed.record().error_class, class_of(Failure::content_type));
}

// However the bytes are cut, the record says the same but for the times.
RC_GTEST_PROP(ExchangeProperty, CutsDoNotMatter, ()) {
  std::string bytes = kGood;
  if (*rc::gen::arbitrary<bool>())
    bytes = kHead + content(" \\\" ") + content("\\\\") + content("x\\u00e9\\\\\\\"") + kFinish + kUsage + kDone + kEnd;
  JsonParser parser;
  Exchange e({.keep_text = true}, parser);
  e.begin({}, Time{});
  Exchange whole({.keep_text = true}, parser);
  whole.begin({}, Time{});
  whole.on_bytes(bytes, Time{});
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::size_t size = *rc::gen::inRange<std::size_t>(1, std::min<std::size_t>(rest.size(), 60) + 1);
    e.on_bytes(rest.substr(0, size), Time{});
    rest.remove_prefix(size);
  }
  RC_ASSERT(e.done());
  RC_ASSERT(measure::succeeded(e.record().record));
  RC_ASSERT(e.record().chunks == whole.record().chunks);
  RC_ASSERT(e.answer() == whole.answer());
  RC_ASSERT(e.reusable());
}

// A stream cut anywhere before [DONE] is never a success.
RC_GTEST_PROP(ExchangeProperty, ACutStreamIsNeverASuccess, ()) {
  const std::size_t done_at = kGood.find("[DONE]");
  const std::size_t cut = *rc::gen::inRange<std::size_t>(0, done_at);
  JsonParser parser;
  Exchange e({}, parser);
  e.begin({}, Time{});
  e.on_bytes(std::string_view(kGood).substr(0, cut), Time{});
  e.on_closed("", Time{});
  RC_ASSERT(e.done());
  RC_ASSERT(!measure::succeeded(e.record().record));
}

}  // namespace
}  // namespace infbench::live
