// ServeAnswer: the answer to one inference request on its way to the client, token by token. It writes into the client's
// connection; no sockets, no engine. One owner, one thread; the connection and the vocabulary outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "live/serve_connection.h"
#include "live/serve_settings.h"
#include "net/openai.h"

namespace infbench::live {

class ServeAnswer {
 public:
  struct Plan {
    RequestId request;
    std::uint32_t connection = 0;
    net::Api api = net::Api::chat;
    bool stream = false;
    bool include_usage = false;
    std::uint64_t content = 0;  // of what the words are made
    Tokens input = 0;
    Tokens output = 0;               // tokens of the whole answer
    Tokens output_here = 0;          // of them given here: 1 on a prefill worker
    std::string_view finish_reason;  // a literal
    std::optional<net::Bootstrap> bootstrap;
    Time received;
    std::string x_request_id;  // of the client's head; may be empty
  };

  ServeAnswer(const Plan& plan, net::AnswerWriter writer, const Vocabulary& vocabulary, ServeConnection& connection)
      : plan_(plan), writer_(std::move(writer)), vocabulary_(vocabulary), connection_(connection) {}

  void begin();  // a stream's head
  void token(Time now);
  void finish();
  // As the status of the answer, or as an event if the stream has begun.
  void fail(const net::ApiError& error);

  void set_cached(Tokens cached) { cached_ = cached; }
  Tokens cached() const { return cached_; }
  Tokens given() const { return given_; }
  const Plan& plan() const { return plan_; }
  Time last_token() const { return last_token_; }

  // For the truth log.
  std::vector<Time> due;
  std::vector<std::int64_t> sent_late_ns;

 private:
  void stream_token(std::size_t word);
  net::Usage usage() const { return {.prompt = plan_.input, .completion = given_, .cached = cached_}; }

  Plan plan_;
  net::AnswerWriter writer_;
  const Vocabulary& vocabulary_;
  ServeConnection& connection_;
  bool begun_ = false;
  Tokens given_ = 0;
  Tokens cached_ = 0;
  Time last_token_;
  std::string text_;   // so far, where it is needed whole
  std::string event_;  // memory for one event
};

}  // namespace infbench::live
