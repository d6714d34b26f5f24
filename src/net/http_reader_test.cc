#include "net/http_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace infbench::net {
namespace {

using Kind = HttpReader::Kind;

struct Told {
  std::vector<std::string> messages;  // "POST /x [body]" or "200 [body]"
  std::string error;                  // "400 ..."
};

Told read(Kind kind, std::string_view stream, std::size_t step, const HttpLimits& limits = {}, bool closed = false) {
  HttpReader reader(kind, limits);
  Told told;
  std::string body;
  const auto end = [&] {
    const HttpHead& head = reader.head();
    told.messages.push_back((kind == Kind::request ? head.method + " " + head.target : std::to_string(head.status)) + " [" +
                            body + "]");
    body.clear();
  };
  for (std::size_t at = 0; at < stream.size() && !reader.error(); at += step) {
    std::string_view bytes = stream.substr(at, step);
    while (!bytes.empty() && !reader.error()) {
      const auto progress = reader.feed(bytes);
      for (const std::string_view piece : progress.body) body += piece;
      if (progress.complete) end();
      bytes.remove_prefix(progress.consumed);
    }
  }
  if (closed && !reader.error() && reader.finish()) end();
  if (reader.error()) told.error = std::to_string(reader.error()->status);
  return told;
}

struct Case {
  const char* name;
  Kind kind;
  std::string stream;
  std::vector<std::string> messages;
  std::string error;
  bool closed = false;
};

TEST(HttpReader, ReadsMessagesHoweverTheyAreCut) {
  const std::vector<Case> cases{
      {"length", Kind::request, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", {"POST /x [hello]"}, ""},
      {"chunked",
       Kind::request,
       "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
       {"POST /x [abc0123456789]"},
       ""},
      {"two in a row",
       Kind::request,
       "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
       {"GET /a []", "GET /b []"},
       ""},
      {"an upgrade that nobody takes up",
       Kind::request,
       "POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok"
       "GET /b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
       "GET /c HTTP/1.1\r\nHost: a\r\n\r\n",
       {"POST /a [ok]", "GET /b []", "GET /c []"},
       ""},
      {"response",
       Kind::response,
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
       {"200 [ok]", "404 []"},
       ""},
      {"to the close", Kind::response, "HTTP/1.1 200 OK\r\n\r\nall of it", {"200 [all of it]"}, "", true},
      {"no content",
       Kind::response,
       "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       {"204 []", "200 []"},
       ""},
      {"cut in the body", Kind::response, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", {}, "400", true},
      {"cut in a chunk", Kind::response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", {}, "400", true},
      // Two readings of one stream are refused.
      {"length and chunked",
       Kind::request,
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {},
       "400"},
      {"two lengths",
       Kind::request,
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
       {},
       "400"},
      {"space before colon", Kind::request, "POST / HTTP/1.1\r\nHost : a\r\n\r\n", {}, "400"},
      {"length not a number", Kind::request, "POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc", {}, "400"},
      {"chunk size not a number", Kind::request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", {}, "400"},
      {"length and an empty coding",
       Kind::request,
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: \r\n\r\nabc",
       {},
       "400"},
      {"chunked not last", Kind::request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", {}, "400"},
      {"no HTTP at all", Kind::request, "\x16\x03\x01 hello", {}, "400"},
      {"HTTP/2", Kind::request, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {}, "400"},
  };
  for (const Case& c : cases) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1000}}) {
      SCOPED_TRACE(std::string(c.name) + " cut each " + std::to_string(step));
      const Told told = read(c.kind, c.stream, step, {}, c.closed);
      EXPECT_EQ(told.messages, c.messages);
      EXPECT_EQ(told.error, c.error);
    }
  }
}

TEST(HttpReader, BareLineFeedsAreRefused) {
  EXPECT_EQ(read(Kind::request, "GET / HTTP/1.1\nHost: a\n\n", 1000).error, "400");
  EXPECT_EQ(read(Kind::request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 1000).error, "400");
}

TEST(HttpReader, HeadersAreFoundByLowerCaseName) {
  HttpReader reader(Kind::request, {});
  reader.feed("GET /v1/models?x=1 HTTP/1.1\r\nX-Request-ID: 7\r\nEmpty:\r\nX-Request-ID: 8\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(*reader.head().find("x-request-id"), "7");
  EXPECT_EQ(*reader.head().find("empty"), "");
  EXPECT_EQ(reader.head().find("absent"), nullptr);
  EXPECT_EQ(reader.head().path(), "/v1/models");
  EXPECT_FALSE(reader.head().keep_alive);
}

TEST(HttpReader, LimitsHaveTheirStatus) {
  const HttpLimits limits{.head_bytes = 200, .headers = 3, .body_bytes = 10};
  EXPECT_EQ(read(Kind::request, "POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", 5, limits).error, "413");
  EXPECT_EQ(read(Kind::request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nB\r\nabcdefghijk\r\n0\r\n\r\n", 5, limits)
                .error,
            "413");
  EXPECT_EQ(read(Kind::request, "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", 5, limits).error, "431");
  EXPECT_EQ(read(Kind::request, "GET / HTTP/1.1\r\nA: " + std::string(300, 'x') + "\r\n\r\n", 5, limits).error, "431");
  EXPECT_EQ(read(Kind::request, "GET /" + std::string(300, 'x') + " HTTP/1.1\r\n\r\n", 5, limits).error, "431");
  EXPECT_EQ(read(Kind::request, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789", 5, limits).error, "");
}

// Who is let in, and what is passed on, is decided by what stands before the body.
TEST(HttpReader, FieldsBehindTheBodyAreNoHeadersAndCountAgainstTheLimit) {
  const std::string chunked = "POST / HTTP/1.1\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
  HttpReader reader(Kind::request, {});
  EXPECT_TRUE(reader.feed(chunked + "Authorization: Bearer x\r\nA: 2\r\n\r\n").complete);
  EXPECT_EQ(reader.head().headers.size(), 2U);
  EXPECT_EQ(reader.head().find("authorization"), nullptr);
  EXPECT_TRUE(reader.feed("GET / HTTP/1.1\r\nB: 1\r\n\r\n").complete);
  EXPECT_EQ(*reader.head().find("b"), "1") << "the next message has headers again";
  const HttpLimits limits{.head_bytes = 200, .headers = 3, .body_bytes = 10};
  EXPECT_EQ(read(Kind::request, chunked + "B: " + std::string(300, 'x') + "\r\n\r\n", 5, limits).error, "431");
}

TEST(HttpReader, AResponseToHeadHasNoBody) {
  HttpReader reader(Kind::response, {});
  reader.expect_no_body();
  EXPECT_TRUE(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").complete);
  EXPECT_TRUE(reader.between_messages());
}

}  // namespace
}  // namespace infbench::net
