// HttpReader: bytes of one HTTP/1.1 connection, in whatever pieces they come, to message heads and pieces of bodies. No I/O.
//
// Owns the head of the message being read; body pieces are views into the caller's bytes. One owner, one thread. Parsing is
// llhttp's (the parser of Node.js), without its lenient modes: two lengths, length and chunked, a bare line feed, a space
// before a colon are errors, so no two programs can read one stream in two ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infbench::net {

struct HttpHead {
  std::string method;                                        // of a request: "POST"
  std::string target;                                        // of a request: "/v1/chat/completions?x=1"
  int status = 0;                                            // of a response
  int minor_version = 1;                                     // of HTTP/1.x
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order, repeated ones as they came
  bool keep_alive = true;
  std::optional<std::uint64_t> content_length;

  // The first header of that name (in lower case), or null.
  const std::string* find(std::string_view name) const;
  std::string_view path() const;  // the target up to '?'
};

// Limits on what a peer may send; a message beyond one is an error with the status that a server answers.
struct HttpLimits {
  std::size_t head_bytes = std::size_t{64} << 10U;
  std::size_t headers = 100;
  std::uint64_t body_bytes = std::uint64_t{512} << 20U;
};

struct HttpError {
  int status = 400;  // what a server answers: 400, 413 (body), 431 (head)
  std::string what;
};

class HttpReader {
 public:
  enum class Kind : std::uint8_t { request, response };

  HttpReader(Kind kind, const HttpLimits& limits);
  ~HttpReader();
  HttpReader(HttpReader&&) noexcept;
  HttpReader& operator=(HttpReader&&) noexcept;

  struct Progress {
    std::size_t consumed = 0;                // bytes; what follows the end of a message is left for the next call
    bool head_complete = false;              // in this call
    bool complete = false;                   // the message has ended, in this call
    std::span<const std::string_view> body;  // pieces in this call, in order; valid while `bytes` are and until the next call
  };

  // Reads up to the end of one message. After an error the connection cannot be read on: every later call gives it again.
  Progress feed(std::string_view bytes);

  // The peer has closed. True if a message ends with that (a response without length); then complete() it is.
  bool finish();

  const HttpHead& head() const;  // from head_complete until the next message begins
  const std::optional<HttpError>& error() const;
  bool between_messages() const;  // no byte of a next message has come

  // A response to HEAD has no body whatever its head says; to be told before its head comes.
  void expect_no_body();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace infbench::net
