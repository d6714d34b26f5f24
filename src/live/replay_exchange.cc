#include "live/replay_exchange.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace infbench::live {
namespace {

constexpr std::size_t kMostErrorBody = std::size_t{64} << 10U;  // bytes of an error's body that are read
constexpr std::uint64_t kLongestAnswer = std::uint64_t{1} << 30U;

int code_of(Failure failure) {
  switch (failure) {
    case Failure::timeout: return 504;
    case Failure::cancelled:
    case Failure::previous_turn: return 499;
    case Failure::connect:
    case Failure::cut: return 0;
    default: return 500;
  }
}

std::string_view message_of(Failure failure) {
  switch (failure) {
    case Failure::connect: return "no connection to the server";
    case Failure::cut: return "the connection ended before the answer did";
    case Failure::bad_http: return "the answer is not HTTP";
    case Failure::http_status: return "the server refused the request";
    case Failure::content_type: return "the answer is not of the type asked for";
    case Failure::error_in_stream: return "an error in the stream";
    case Failure::bad_chunk: return "an event of the stream is not a chunk";
    case Failure::unfinished: return "the answer ended without a finish_reason";
    case Failure::empty: return "the answer finished without a token";
    case Failure::timeout: return "the answer did not end in time";
    case Failure::cancelled: return "ended by the client, since the run ended";
    case Failure::previous_turn: return "not sent, since the turn before it failed";
  }
  return "?";
}

}  // namespace

std::string_view class_of(Failure failure) {
  switch (failure) {
    case Failure::connect: return "ConnectError";
    case Failure::cut: return "ConnectionCutError";
    case Failure::bad_http: return "HttpProtocolError";
    case Failure::http_status: return "HttpStatusError";
    case Failure::content_type: return "ContentTypeError";
    case Failure::error_in_stream: return "ErrorInStream";
    case Failure::bad_chunk: return "MalformedChunkError";
    case Failure::unfinished: return "UnfinishedAnswerError";
    case Failure::empty: return "EmptyAnswerError";
    case Failure::timeout: return "RequestTimeoutError";
    case Failure::cancelled: return "RequestCancellationError";
    case Failure::previous_turn: return "PreviousTurnError";
  }
  return "?";
}

Exchange::Exchange(const ExchangeOptions& options, JsonParser& parser)
    : options_(options),
      parser_(&parser),
      http_(net::HttpReader::Kind::response, {.body_bytes = kLongestAnswer}),
      stream_(parser) {}

void Exchange::begin(measure::LiveRecord record, Time now) {
  live_ = std::move(record);
  live_.record.sent = now;
  seen_ = std::make_shared<measure::HttpExchange>();
  if (options_.keep_raw) live_.raw = std::make_shared<measure::RawExchange>();
}

void Exchange::on_sending(Bytes bytes, bool reused, Duration connecting, Time now) {
  seen_->send_start = now;
  seen_->sent = bytes;
  seen_->connection_reused = reused;
  seen_->connecting = connecting;
}

void Exchange::on_sent(Time now) {
  if (!done_ && !seen_->send_end) seen_->send_end = now;
}

void Exchange::keep_request(std::span<const std::string_view> parts) {
  for (const std::string_view part : parts) live_.raw->request += part;
}

void Exchange::keep_response(std::string_view text, Time received) {
  if (live_.raw != nullptr) live_.raw->responses.push_back({.received = received, .text = std::string(text)});
}

void Exchange::on_bytes(std::string_view bytes, Time received) {
  if (!done_) {
    if (!any_bytes_) seen_->receive_start = received;
    seen_->receive_end = received;
    seen_->received += static_cast<Bytes>(bytes.size());
    ++seen_->reads;
  }
  any_bytes_ = true;
  text_in_read_ = false;
  while (!done_ && !bytes.empty()) {
    const net::HttpReader::Progress progress = http_.feed(bytes);
    if (progress.head_complete) on_head();
    for (const std::string_view piece : progress.body) {
      if (!done_) on_body(piece, received);
    }
    if (http_.error() && !done_) return fail(Failure::bad_http, http_.error()->what, received);
    if (progress.complete && !done_) on_message_end(received);
    if (progress.consumed == 0) break;
    bytes.remove_prefix(progress.consumed);
  }
  if (!bytes.empty()) reusable_ = false;  // bytes that nobody asked for
}

void Exchange::on_head() {
  const net::HttpHead& head = http_.head();
  const std::string* type = head.find("content-type");
  is_stream_ = head.status == 200 && type != nullptr && type->starts_with("text/event-stream");
  if (live_.raw != nullptr) {
    live_.raw->status = head.status;
    live_.raw->is_stream = is_stream_;
    if (type != nullptr) live_.raw->content_type = *type;
  }
}

void Exchange::on_body(std::string_view piece, Time received) {
  if (!is_stream_ || !options_.streaming) {
    const std::size_t most = http_.head().status == 200 && !options_.streaming ? kLongestAnswer : kMostErrorBody;
    collected_.append(piece.substr(0, std::min(piece.size(), most - std::min(most, collected_.size()))));
    return;
  }
  events_.clear();
  if (!sse_.feed(piece, events_)) return fail(Failure::bad_chunk, "an event without end", received);
  for (const std::string_view event : events_) {
    on_event(event, received);
    if (done_) return;
  }
}

void Exchange::on_event(std::string_view data, Time received) {
  if (end_seen_) return;
  keep_response(data, received);
  const Chunk chunk = stream_.read(data);
  switch (chunk.kind) {
    case Chunk::Kind::text: on_text(chunk, received); break;
    case Chunk::Kind::done: end_seen_ = true; break;
    case Chunk::Kind::error:
      fail(Failure::error_in_stream, stream_.error().message, received);
      if (stream_.error().code != 0) live_.record.error_code = stream_.error().code;
      return;
    case Chunk::Kind::broken: return fail(Failure::bad_chunk, data.substr(0, 100), received);
    case Chunk::Kind::nothing: break;
  }
  finished_ = finished_ || chunk.finished;
  if (chunk.has_usage) on_usage(chunk.usage);
}

void Exchange::on_text(const Chunk& chunk, Time received) {
  measure::RequestRecord& r = live_.record;
  if (live_.chunks == 0) {
    r.first_token = received;
  } else {
    if (live_.chunks == 1) r.second_token = received;
    seen_->gaps_ns.push_back((received - *r.end).ns);
  }
  if (options_.streaming && !chunk.reasoning && !seen_->first_output) seen_->first_output = received;
  r.end = received;
  ++live_.chunks;
  live_.chunks_together += text_in_read_ ? 1 : 0;
  text_in_read_ = true;
  if (options_.keep_text && !chunk.reasoning) answer_ += chunk.text;
}

void Exchange::on_usage(const Usage& usage) {
  has_usage_ = true;
  usage_ = usage;
}

void Exchange::on_message_end(Time received) {
  reusable_ = http_.head().keep_alive;
  if (!is_stream_) keep_response(collected_, received);
  if (http_.head().status != 200) return fail_status(received);
  if (options_.streaming != is_stream_) {
    const std::string* type = http_.head().find("content-type");
    return fail(Failure::content_type,
                fmt::format("expected {}, found {}: {}", options_.streaming ? "text/event-stream" : "application/json",
                            type == nullptr ? "none" : *type, parser_->read_error_body(collected_).message),
                received);
  }
  if (options_.streaming) {
    finish_stream(received);
  } else {
    finish_whole_answer(received);
  }
}

void Exchange::fail_status(Time received) {
  const int status = http_.head().status;
  const ServerError said = parser_->read_error_body(collected_);
  fail(Failure::http_status, said.message, received);
  live_.record.error_code = status;
  live_.record.error = fmt::format("HTTP status {}{}{}", status, said.message.empty() ? "" : ": ", said.message);
}

void Exchange::finish_whole_answer(Time received) {
  ServerError error;
  const Chunk answer = parser_->read(collected_, error);
  if (answer.kind == Chunk::Kind::error) return fail(Failure::error_in_stream, error.message, received);
  if (answer.kind == Chunk::Kind::broken)
    return fail(Failure::bad_chunk, std::string_view(collected_).substr(0, 100), received);
  finished_ = answer.finished;
  whole_text_ = answer.text;
  if (answer.kind == Chunk::Kind::text) on_text({.kind = answer.kind, .text = answer.text, .usage = {}}, received);
  if (answer.has_usage) on_usage(answer.usage);
  finish_stream(received);
}

void Exchange::finish_stream(Time received) {
  if (sse_.unfinished() > 0 && !end_seen_) return fail(Failure::bad_chunk, "the last event is cut", received);
  if (!finished_) return fail(Failure::unfinished, end_seen_ ? "[DONE] came" : "not even [DONE] came", received);
  if (live_.chunks == 0) return fail(Failure::empty, "", received);
  succeed();
}

void Exchange::succeed() {
  measure::RequestRecord& r = live_.record;
  live_.client_tokens = client_count();
  live_.counted_by_server = has_usage_ && usage_.completion > 0;
  r.output = options_.use_server_count && live_.counted_by_server ? usage_.completion : live_.client_tokens;
  if ((options_.use_server_count || options_.input_by_server) && usage_.prompt > 0) r.input = usage_.prompt;
  r.cached = std::max<Tokens>(usage_.cached, 0);
  seen_->gaps_ns.shrink_to_fit();  // it is kept for the whole run
  seen_->usage = {.prompt = usage_.prompt, .completion = usage_.completion, .total = usage_.total, .cached = usage_.cached};
  r.http = seen_;
  done_ = true;
}

Tokens Exchange::client_count() {
  if (options_.streaming || options_.words == nullptr) return live_.chunks;
  return net::count_tokens(*options_.words, parser_->unescaped(whole_text_));
}

void Exchange::on_closed(std::string_view reason, Time now) {
  if (done_) return;
  if (http_.finish()) {
    on_message_end(now);  // an answer without length ends so
  } else if (end_seen_ && finished_ && live_.chunks > 0) {
    succeed();  // all was said but the end of HTTP's own framing
  } else if (any_bytes_ && sse_.unfinished() > 0) {
    fail(Failure::cut, "in the middle of an event", now);
  } else {
    fail(Failure::cut, reason.empty() ? "closed by the server" : reason, now);
  }
  reusable_ = false;
}

void Exchange::fail(Failure failure, std::string_view cause, Time now) {
  if (done_) return;
  done_ = true;
  reusable_ = reusable_ && http_.between_messages();
  measure::RequestRecord& r = live_.record;
  live_.error_class = class_of(failure);
  live_.error_cause = cause;
  r.error_code = code_of(failure);
  r.error = message_of(failure);
  if (!cause.empty()) r.error.append(": ").append(cause);
  r.end = now;
  r.output = live_.chunks;
  if (seen_->send_start) r.http = seen_;
}

void Exchange::add_gaps_to(measure::GapHistogram& histogram) const {
  if (!done_ || !measure::succeeded(live_.record)) return;
  for (const std::int64_t gap : seen_->gaps_ns) histogram.add({gap});
}

}  // namespace infbench::live
