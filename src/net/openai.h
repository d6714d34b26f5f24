// OpenAI and sglang messages: bodies of inference requests to values, answers and errors to JSON. No I/O.
//
// Read strictly where it matters: a wrong type or a value out of range is an error that names the field; fields that the engine
// model has no use for are passed over. One RequestReader per thread (it owns the parser's memory); everything else is a value.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/types.h"

namespace infbench::net {

enum class Api : std::uint8_t { chat, completions, generate };  // /v1/chat/completions, /v1/completions, sglang's /generate
std::optional<Api> api_at(std::string_view path);

// Where the other half of a disaggregated pair meets this one.
struct Bootstrap {
  std::string host;         // of the prefill worker; may be empty
  std::optional<int> port;  // of the prefill worker's bootstrap server
  std::uint64_t room = 0;   // names the request on both sides
};

struct InferenceRequest {
  Api api = Api::chat;
  std::string model;                     // empty: none given
  std::string text;                      // the prompt; of a chat all messages' texts, joined (see join_message)
  std::vector<std::uint32_t> token_ids;  // the prompt instead of text; then not empty
  bool stream = false;
  bool include_usage = false;  // stream_options.include_usage
  bool ignore_eos = false;
  std::optional<Tokens> max_tokens;  // the larger of max_tokens and max_completion_tokens, if any; > 0
  Tokens min_tokens = 0;
  std::optional<std::int64_t> seed;
  std::optional<Bootstrap> bootstrap;
  std::string rid;  // /generate: the caller's own id; may be empty
};

// What an OpenAI error object says. `type` follows from the status, and `code` too where none is given.
struct ApiError {
  int status = 400;
  std::string message;
  std::string param;      // the field that is wrong; may be empty
  std::string code = {};  // a word for programs; empty: the status
};

class RequestReader {
 public:
  RequestReader();
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  // Of several keys of one name the last holds. `body` is given room behind its end but not changed.
  tl::expected<InferenceRequest, ApiError> read(Api api, std::string& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Appends a message's text to a prompt: what does not begin with a space is set off by one. So the words of the parts are the
// words of the whole, and a next turn that repeats a prompt and its answer begins with the text of both.
void join_message(std::string& prompt, std::string_view text);

// {"error":{"message":...,"type":...,"param":...,"code":...}}
std::string error_json(const ApiError& error);

struct Usage {
  Tokens prompt = 0;
  Tokens completion = 0;
  Tokens cached = 0;
};

// The JSON of one answer, whole or in events. The text around a token is made once for a request; a token then costs its bytes
// only.
class AnswerWriter {
 public:
  // `created`: seconds of the Unix epoch.
  AnswerWriter(Api api, std::string_view id, std::string_view model, std::int64_t created);

  // An event's JSON around a token's text (already escaped): before + text + after. Not for /generate, see generate_event.
  std::string_view before_token() const { return before_; }
  std::string_view after_token() const { return after_; }

  std::string first_event() const;  // chat: the role; others: empty, no such event
  // The end of the answer: chat: an event of its own. completions: the last token's event.
  std::string last_event(std::string_view last_token, std::string_view finish_reason) const;
  std::string usage_event(const Usage& usage) const;  // not for /generate
  // sglang repeats the text so far in each event and has the usage in it. `finish_reason` is empty before the end.
  void generate_event(std::string& out, std::string_view text, const Usage& usage, std::string_view finish_reason) const;
  // The whole answer as one object; `text` as it is.
  std::string whole(std::string_view text, const Usage& usage, std::string_view finish_reason) const;

 private:
  std::string head(std::string_view object) const;  // up to the choices

  Api api_;
  std::string id_;
  std::string model_;
  std::int64_t created_;
  std::string before_;
  std::string after_;
};

}  // namespace infbench::net
