#include "live/serve_connection.h"

#include <gtest/gtest.h>

#include <utility>

namespace infbench::live {
namespace {

std::string post(std::string_view body, std::string_view more = {}) {
  return "POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" + std::string(more) + "\r\n" +
         std::string(body);
}

std::string take(ServeConnection& connection) { return std::exchange(connection.out(), {}); }

TEST(ServeConnection, ReadsARequestInWhateverPieces) {
  const std::string bytes = post("the body");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    ServeConnection connection({});
    int requests = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      if (!connection.feed(std::string_view(bytes).substr(at, piece), Time{static_cast<std::int64_t>(at)})) continue;
      ++requests;
      EXPECT_EQ(connection.head().path(), "/x");
      EXPECT_EQ(connection.body(), "the body");
      EXPECT_LT(at, bytes.size());
      EXPECT_EQ(connection.received().ns, static_cast<std::int64_t>(at));
    }
    EXPECT_EQ(requests, 1) << piece;
  }
}

TEST(ServeConnection, AnswersPipelinedRequestsInOrder) {
  ServeConnection connection({});
  EXPECT_TRUE(connection.feed(post("one") + post("two") + post("three").substr(0, 20), {}));
  EXPECT_FALSE(connection.feed(post("three").substr(20), {}));  // waits
  EXPECT_EQ(connection.body(), "one");
  EXPECT_FALSE(connection.next_request());
  connection.answer(200, "text/plain", "1");
  ASSERT_TRUE(connection.next_request());
  EXPECT_EQ(connection.body(), "two");
  connection.begin_stream();
  connection.append_event("a", "b", "c");
  connection.end_stream();
  ASSERT_TRUE(connection.next_request());
  EXPECT_EQ(connection.body(), "three");
  connection.answer(404, "text/plain", "3");
  EXPECT_FALSE(connection.next_request());
  EXPECT_EQ(take(connection),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\n1"
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
            "transfer-encoding: chunked\r\n\r\nb\r\ndata: abc\n\n\r\n0\r\n\r\n"
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\n3");
  EXPECT_FALSE(connection.close_when_sent());
}

TEST(ServeConnection, GoesOnOnlyIfTheClientLikes) {
  struct Case {
    std::string request;
    bool closes;
    std::string header;  // that the answer must have
  };
  for (const Case& c : {Case{post("x"), false, ""}, Case{post("x", "connection: close\r\n"), true, "connection: close\r\n"},
                        Case{"GET / HTTP/1.0\r\n\r\n", true, "connection: close\r\n"},
                        Case{"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", false, "connection: keep-alive\r\n"}}) {
    ServeConnection connection({});
    ASSERT_TRUE(connection.feed(c.request, {})) << c.request;
    connection.answer(200, "", "y");
    EXPECT_EQ(connection.close_when_sent(), c.closes) << c.request;
    EXPECT_NE(connection.out().find(c.header), std::string::npos) << connection.out();
  }
}

TEST(ServeConnection, StreamsToOldClientsUntilTheEndOfTheConnection) {
  ServeConnection connection({});
  ASSERT_TRUE(connection.feed("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", {}));
  connection.begin_stream();
  connection.append_event("a");
  connection.end_stream();
  const std::string out = take(connection);
  EXPECT_EQ(out.substr(out.find("\r\n\r\n") + 4), "data: a\n\n");
  EXPECT_EQ(out.find("chunked"), std::string::npos);
  EXPECT_TRUE(connection.close_when_sent());
}

TEST(ServeConnection, SaysContinueToWhoAsks) {
  ServeConnection connection({});
  const std::string bytes = post("body", "expect: 100-Continue\r\n");
  EXPECT_FALSE(connection.feed(bytes.substr(0, bytes.size() - 4), {}));
  EXPECT_EQ(take(connection), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(connection.feed("body", {}));
  EXPECT_EQ(take(connection), "");
  // Whoever sends the body with the head does not wait for it.
  connection.answer(200, "", "");
  take(connection);
  EXPECT_TRUE(connection.feed(bytes, {}));
  EXPECT_EQ(take(connection), "");
}

TEST(ServeConnection, RefusesWhatCannotBeRead) {
  struct Case {
    std::string bytes;
    std::string status;
  };
  for (const Case& c : {Case{"what is this\r\n\r\n", "400 Bad Request"},
                        Case{"POST / HTTP/1.1\r\ncontent-length: 1000000000000\r\n\r\n", "413 Content Too Large"},
                        Case{"GET / HTTP/1.1\r\nx: " + std::string(100'000, 'x'), "431 Request Header Fields Too Large"}}) {
    ServeConnection connection({});
    EXPECT_FALSE(connection.feed(c.bytes, {}));
    const std::string out = take(connection);
    EXPECT_EQ(out.substr(9, c.status.size()), c.status) << out;
    EXPECT_NE(out.find("{\"error\":{\"message\":"), std::string::npos) << out;
    EXPECT_TRUE(connection.close_when_sent());
    EXPECT_FALSE(connection.feed(post("x"), {}));
    EXPECT_EQ(take(connection), "");
  }
}

TEST(ServeConnection, HeadHasNoBody) {
  ServeConnection connection({});
  ASSERT_TRUE(connection.feed("HEAD / HTTP/1.1\r\n\r\n", {}));
  connection.answer(200, "", "12345");
  EXPECT_EQ(take(connection), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
}

TEST(ServeConnection, PausesAClientThatSendsAhead) {
  ServeConnection connection({});
  ASSERT_TRUE(connection.feed(post("x"), {}));
  EXPECT_TRUE(connection.wants_bytes());
  connection.feed(post(std::string(ServeConnection::kWaitingMax, 'y')), {});
  EXPECT_FALSE(connection.wants_bytes());
  connection.answer(200, "", "");
  EXPECT_TRUE(connection.next_request());
  EXPECT_TRUE(connection.wants_bytes());
}

TEST(ServeConnection, ClosesAfterTheAnswerUnderWay) {
  ServeConnection idle({});
  idle.close_after_answer();
  EXPECT_TRUE(idle.close_when_sent());
  ServeConnection busy({});
  ASSERT_TRUE(busy.feed(post("x"), {}));
  busy.close_after_answer();
  EXPECT_FALSE(busy.close_when_sent());
  busy.answer(200, "", "");
  EXPECT_TRUE(busy.close_when_sent());
}

}  // namespace
}  // namespace infbench::live
