// Exchange: one request as the client lives it, from the moment it is sent to its record. A state machine without sockets: it
// takes the bytes of the answer with the time they were received, and what happens to the connection; it knows HTTP, event
// streams and the chunks of the OpenAI API.
//
// What counts as a success: status 200, the content type asked for, at least one token, a finish_reason, and an end that is not
// cut. Everything else is a failure with a class and a cause; there is no third way. One owner, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "live/replay_chunk.h"
#include "measure/gap_histogram.h"
#include "measure/live.h"
#include "net/http_reader.h"
#include "net/sse.h"
#include "net/text_tokens.h"

namespace infbench::live {

// Why a request failed; the name of each class goes into the artifacts.
enum class Failure : std::uint8_t {
  connect,          // no connection came about
  cut,              // the connection ended before the answer did
  bad_http,         // what came is not HTTP
  http_status,      // a status other than 200
  content_type,     // 200, but not what was asked for
  error_in_stream,  // an error object instead of a chunk
  bad_chunk,        // an event that is not a chunk, or a last one that is cut
  unfinished,       // the answer ended in order, but without a finish_reason
  empty,            // it finished without a token
  timeout,
  cancelled,      // by us: the run was ended
  previous_turn,  // never sent: the turn before failed
};
std::string_view class_of(Failure failure);

struct ExchangeOptions {
  bool streaming = true;
  bool keep_text = false;  // of the answer, for the next turn of its session
  bool keep_raw = false;   // the bytes, for profile_export_raw.jsonl
  // The tokens of prompt and answer are those of the server's usage. Else, and where the server says none, the client's own
  // count: the prompt as it was made, a token for each chunk of a stream that carries text, by `words` of an answer that comes
  // whole.
  bool use_server_count = false;
  bool input_by_server = false;          // the prompt's tokens are the server's count in any case, if it gives one
  const net::WordList* words = nullptr;  // none: an answer that comes whole counts as one token
};

class Exchange {
 public:
  Exchange(const ExchangeOptions& options, JsonParser& parser);

  // The request in `record` (its index, scheduled, input and output_asked filled by the caller) goes out now.
  void begin(measure::LiveRecord record, Time now);

  // What sending it costs: told by the shell as it happens. `connecting`: what opening the connection took, 0 when it is
  // reused.
  void on_sending(Bytes bytes, bool reused, Duration connecting, Time now);
  void on_sent(Time now);                                      // the kernel has all of it
  void keep_request(std::span<const std::string_view> parts);  // with keep_raw

  // Each may end it; then done() is true and later calls change nothing.
  void on_bytes(std::string_view bytes, Time received);
  void on_closed(std::string_view reason, Time now);
  void fail(Failure failure, std::string_view cause, Time now);

  bool done() const { return done_; }
  bool any_bytes() const { return any_bytes_; }
  // After done(): the connection can carry another request.
  bool reusable() const { return reusable_; }

  // After done().
  const measure::LiveRecord& record() const { return live_; }
  measure::LiveRecord take_record() { return std::move(live_); }
  const std::string& answer() const { return answer_; }  // with keep_text: the text of the answer, escaped as in JSON

  // Gaps between chunks; those of a request that failed do not count. Called once, after done().
  void add_gaps_to(measure::GapHistogram& histogram) const;

 private:
  void on_head();
  void on_body(std::string_view piece, Time received);
  void on_event(std::string_view data, Time received);
  void on_text(const Chunk& chunk, Time received);
  void on_usage(const Usage& usage);
  void on_message_end(Time received);
  void finish_whole_answer(Time received);
  void finish_stream(Time received);
  void fail_status(Time received);
  void succeed();
  Tokens client_count();
  void keep_response(std::string_view text, Time received);

  ExchangeOptions options_;
  JsonParser* parser_;
  net::HttpReader http_;
  net::SseSplitter sse_;
  StreamReader stream_;
  std::vector<std::string_view> events_;
  measure::LiveRecord live_;
  std::shared_ptr<measure::HttpExchange> seen_;  // given to the record at the end
  std::string collected_;                        // the body of an answer that is not a stream
  std::string whole_text_;                       // the text in it
  std::string answer_;
  Usage usage_;
  bool has_usage_ = false;
  bool is_stream_ = false;  // of the answer's body
  bool finished_ = false;   // a finish_reason came
  bool end_seen_ = false;   // [DONE] came
  bool any_bytes_ = false;
  bool text_in_read_ = false;  // a text came before, in the bytes of this call
  bool done_ = false;
  bool reusable_ = false;
};

}  // namespace infbench::live
