#include "live/serve_connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "net/openai.h"

namespace infbench::live {
namespace {

// A body's memory that is kept for the next request of the connection.
constexpr std::size_t kBodyKept = std::size_t{1} << 20U;
// Room that is made for a body at once when its head says how long it will be; pages that nothing is written to cost nothing.
constexpr std::size_t kBodyReserved = std::size_t{1} << 30U;
constexpr std::size_t kBodyPadding = 64;  // behind it, for the parser, which else would copy it

void append_number(std::string& out, std::size_t value, int base) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, base);
  out.append(text.data(), end.ptr);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char lower = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (lower != b[i]) return false;
  }
  return true;
}

}  // namespace

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 401: return "Unauthorized";
    case 429: return "Too Many Requests";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Unknown";
  }
}

ServeConnection::ServeConnection(const net::HttpLimits& limits) : reader_(net::HttpReader::Kind::request, limits) {}

bool ServeConnection::feed(std::string_view bytes, Time received) {
  if (close_) return false;
  received_ = received;
  const bool whole = !answering_ && read(bytes);
  if (!answering_) return false;
  waiting_.erase(0, std::exchange(taken_, 0));
  waiting_ += bytes;
  return whole;
}

// What waits stays where it is, so that many small requests cost no more than their bytes.
bool ServeConnection::next_request() {
  if (answering_ || close_ || waiting_.empty()) return false;
  std::string_view rest = std::string_view(waiting_).substr(taken_);
  const bool whole = read(rest);
  taken_ = waiting_.size() - rest.size();
  if (whole && !rest.empty()) return true;
  waiting_ = {};
  taken_ = 0;
  return whole;
}

// A request's bytes, which are taken off the front. False: it is not whole yet, or cannot be read; what is left then is lost.
bool ServeConnection::read(std::string_view& bytes) {
  while (!bytes.empty()) {
    const auto progress = reader_.feed(bytes);
    if (reader_.error()) {
      refuse(*reader_.error());
      return false;
    }
    bytes.remove_prefix(progress.consumed);
    if (progress.head_complete) {
      body_.clear();
      const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(head().content_length.value_or(0), kBodyReserved));
      body_.reserve(length + kBodyPadding);
    }
    for (const std::string_view piece : progress.body) body_ += piece;
    if (progress.complete) {
      answering_ = true;
      keep_alive_ = head().keep_alive && !stopping_;
      return true;
    }
    if (progress.head_complete && body_.empty()) {
      const std::string* expect = head().find("expect");
      if (expect != nullptr && equal_ignoring_case(*expect, "100-continue")) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    if (progress.consumed == 0) break;
  }
  return false;
}

// The stream of bytes cannot be read on: whatever came behind is lost, the connection closes.
void ServeConnection::refuse(const net::HttpError& error) {
  keep_alive_ = false;
  answering_ = true;
  const std::string body = net::error_json({.status = error.status, .message = error.what, .param = {}});
  begin_head(error.status, "application/json");
  out_ += "content-length: ";
  append_number(out_, body.size(), 10);
  out_ += "\r\n\r\n";
  out_ += body;
  end_answer();
}

void ServeConnection::begin_head(int status, std::string_view content_type) {
  INFBENCH_CHECK(answering_ && !streaming_);
  status_ = status;
  out_ += "HTTP/1.1 ";
  append_number(out_, static_cast<std::size_t>(status), 10);
  out_ += ' ';
  out_ += reason_of(status);
  out_ += "\r\n";
  if (!content_type.empty()) {
    out_ += "content-type: ";
    out_ += content_type;
    out_ += "\r\n";
  }
  if (!keep_alive_) {
    out_ += "connection: close\r\n";
  } else if (head().minor_version == 0) {
    out_ += "connection: keep-alive\r\n";
  }
}

void ServeConnection::answer(int status, std::string_view content_type, std::string_view body) {
  begin_head(status, content_type);
  out_ += "content-length: ";
  append_number(out_, body.size(), 10);
  out_ += "\r\n\r\n";
  if (head().method != "HEAD") out_ += body;
  end_answer();
}

void ServeConnection::begin_stream() {
  chunked_ = head().minor_version != 0;
  if (!chunked_) keep_alive_ = false;
  begin_head(200, "text/event-stream; charset=utf-8");
  out_ += chunked_ ? "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n" : "cache-control: no-cache\r\n\r\n";
  streaming_ = true;
}

void ServeConnection::append_event(std::string_view a, std::string_view b, std::string_view c) {
  INFBENCH_CHECK(streaming_);
  constexpr std::string_view kField = "data: ";
  if (chunked_) {
    append_number(out_, kField.size() + a.size() + b.size() + c.size() + 2, 16);
    out_ += "\r\n";
  }
  out_ += kField;
  out_ += a;
  out_ += b;
  out_ += c;
  out_ += chunked_ ? std::string_view("\n\n\r\n") : std::string_view("\n\n");
}

void ServeConnection::end_stream() {
  if (chunked_) out_ += "0\r\n\r\n";
  streaming_ = false;
  end_answer();
}

void ServeConnection::begin_relay(int status, std::string_view headers, std::optional<std::uint64_t> length) {
  silent_ = head().method == "HEAD" || status == 204 || status == 304;
  chunked_ = !length && !silent_ && head().minor_version != 0;
  if (!length && !silent_ && !chunked_) keep_alive_ = false;
  begin_head(status, {});
  out_ += headers;
  if (length) {
    out_ += "content-length: ";
    append_number(out_, static_cast<std::size_t>(*length), 10);
    out_ += "\r\n";
  }
  out_ += chunked_ ? "transfer-encoding: chunked\r\n\r\n" : "\r\n";
  streaming_ = true;
}

void ServeConnection::add_relayed(std::span<const std::string_view> pieces, std::vector<std::string_view>& parts) {
  INFBENCH_CHECK(streaming_);
  if (silent_) return;
  std::size_t bytes = 0;
  for (const std::string_view piece : pieces) bytes += piece.size();
  if (bytes == 0) return;
  if (chunked_) {
    append_number(out_, bytes, 16);
    out_ += "\r\n";
  }
  parts.insert(parts.end(), pieces.begin(), pieces.end());
  if (chunked_) parts.emplace_back("\r\n");
}

void ServeConnection::end_relay() {
  if (chunked_) out_ += "0\r\n\r\n";
  streaming_ = false;
  chunked_ = false;
  end_answer();
}

void ServeConnection::cut() {
  streaming_ = false;
  keep_alive_ = false;
  end_answer();
}

void ServeConnection::end_answer() {
  answering_ = false;
  close_ = !keep_alive_;
  if (body_.capacity() > kBodyKept) body_ = {};
}

}  // namespace infbench::live
