// The bytes of a connection to serve or route: heads, bodies by length and in chunks, one request after another.
#include <algorithm>

#include "live/gateway_headers.h"
#include "live/serve_connection.h"
#include "net/http_reader.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

constexpr net::HttpLimits kLimits{.head_bytes = 4096, .headers = 20, .body_bytes = 8192};

// Requests as lines, and how it ended.
struct Seen {
  std::vector<std::string> requests;
  std::string error;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::string line_of(const net::HttpHead& head, std::string_view body) {
  std::string line = head.method + " " + head.target + " 1." + std::to_string(head.minor_version) + "\n";
  for (const auto& [name, value] : head.headers) line += name + "=" + value + "\n";
  return line.append(head.keep_alive ? "keep-alive\n" : "close\n").append(body);
}

void check_head(const net::HttpHead& head) {
  require(head.headers.size() <= kLimits.headers, "no more headers than allowed");
  require(!head.content_length || head.find("transfer-encoding") == nullptr, "a body has one length");
  require(std::ranges::count(head.headers, "content-length", &std::pair<std::string, std::string>::first) <= 1,
          "a body has one length");
  std::string passed;
  live::append_end_to_end(head, {}, passed);
  const auto lines = std::ranges::count(passed, '\n');
  require(lines == std::ranges::count(passed, '\r') && lines <= static_cast<std::ptrdiff_t>(head.headers.size()),
          "what is passed on has no line break but those of its headers");
}

Seen read(const std::vector<std::string_view>& pieces) {
  net::HttpReader reader(net::HttpReader::Kind::request, kLimits);
  Seen seen;
  std::string body;
  for (std::string_view piece : pieces) {
    while (!piece.empty() && !reader.error()) {
      const auto progress = reader.feed(piece);
      require(progress.consumed <= piece.size(), "no more is consumed than there is");
      require(progress.consumed > 0 || reader.error(), "the reader gets on");
      piece.remove_prefix(progress.consumed);
      if (progress.head_complete) check_head(reader.head());
      for (const std::string_view part : progress.body) body += part;
      require(body.size() <= kLimits.body_bytes, "no body is above the limit");
      if (!progress.complete) continue;
      require(!reader.head().content_length || *reader.head().content_length == body.size(), "a body has the length it says");
      seen.requests.push_back(line_of(reader.head(), body));
      body.clear();
    }
  }
  // Of a head that is both malformed and too large either may be noticed first.
  if (reader.error()) seen.error = reader.error()->status == 431 ? "400" : std::to_string(reader.error()->status);
  return seen;
}

Seen serve(const std::vector<std::string_view>& pieces) {
  live::ServeConnection connection(kLimits);
  Seen seen;
  for (const std::string_view piece : pieces) {
    for (bool whole = connection.feed(piece, {}); whole; whole = connection.next_request()) {
      seen.requests.push_back(line_of(connection.head(), connection.body()));
      connection.answer(200, "text/plain", "ok");
    }
  }
  if (connection.status() >= 400) seen.error = connection.status() == 431 ? "400" : std::to_string(connection.status());
  require(!connection.answering(), "nothing is left unanswered");
  return seen;
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench::fuzz;
  const std::string_view text = text_of(data, size);
  const Seen whole = read({text});
  require(whole == read(pieces_of(text)), "it makes no difference how the bytes are cut");
  const Seen served = serve({text});
  require(served == serve(pieces_of(text)), "nor to a server");
  // A server stops reading where the client has asked it to close.
  require(served.requests.size() <= whole.requests.size(), "a server sees no request that is none");
  require(std::equal(served.requests.begin(), served.requests.end(), whole.requests.begin()), "and each as it is");
  return 0;
}
