// ServeConnection: one client's HTTP connection to a worker, without its socket: bytes in, requests and bytes out.
//
// Requests are answered one after the other, in the order they came (pipelining); while one is answered, bytes of the next
// wait. An answer is whole (answer()) or a stream of pieces (begin_stream(), append_piece(), end_stream()). What is to be sent
// gathers in out(); the owner sends and clears it, so a token's piece is one append to memory that is used again. One owner,
// one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "net/http_reader.h"

namespace infbench::live {

class ServeConnection {
 public:
  static constexpr std::size_t kWaitingMax = std::size_t{1} << 20U;  // bytes of later requests; above it reading pauses

  explicit ServeConnection(const net::HttpLimits& limits);

  // True when a whole request is there: see head() and body(). Answer it, then ask next_request() for one that has come behind
  // it. What cannot be read is answered here, and the connection closes.
  bool feed(std::string_view bytes, Time received);
  bool next_request();

  const net::HttpHead& head() const { return reader_.head(); }
  std::string& body() { return body_; }
  const std::string& body() const { return body_; }
  Time received() const { return received_; }  // the request's last byte

  // The whole answer to the request at hand.
  void answer(int status, std::string_view content_type, std::string_view body);
  // The head of an answer in pieces (server-sent events).
  void begin_stream();
  // One event: "data: " + a + b + c and an empty line, framed as one HTTP chunk.
  void append_event(std::string_view a, std::string_view b = {}, std::string_view c = {});
  void end_stream();

  // An answer that comes from elsewhere, piece by piece: its status, headers that are ready to be sent ("name: value\r\n" each,
  // without length and framing), its length if that is known (else it is framed in chunks, or by the connection's end).
  void begin_relay(int status, std::string_view headers, std::optional<std::uint64_t> length);
  // Pieces of its body. What goes out is out() before, and then these parts (views into `pieces`).
  void add_relayed(std::span<const std::string_view> pieces, std::vector<std::string_view>& parts);
  void end_relay();
  // The answer under way broke off: the connection has to be closed without its end.
  void cut();

  std::string& out() { return out_; }
  int status() const { return status_; }         // of the last answer
  bool answering() const { return answering_; }  // a request has come and is not answered to its end
  bool wants_bytes() const { return waiting_.size() - taken_ < kWaitingMax; }
  bool close_when_sent() const { return close_; }  // nothing more will come or be read
  void close_after_answer() {
    keep_alive_ = false;
    stopping_ = true;
    close_ = close_ || !answering_;
  }

 private:
  bool read(std::string_view& bytes);
  void begin_head(int status, std::string_view content_type);
  void end_answer();
  void refuse(const net::HttpError& error);

  net::HttpReader reader_;
  std::string waiting_;    // bytes behind the request at hand
  std::size_t taken_ = 0;  // of these
  std::string body_;
  std::string out_;
  Time received_;
  int status_ = 0;
  bool answering_ = false;
  bool streaming_ = false;
  bool chunked_ = false;  // HTTP/1.1: pieces as chunks; 1.0: until the connection closes
  bool silent_ = false;   // an answer to HEAD: its body is not sent
  bool keep_alive_ = true;
  bool stopping_ = false;
  bool close_ = false;
};

std::string_view reason_of(int status);  // "Not Found"

}  // namespace infbench::live
