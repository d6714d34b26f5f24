// Connection::Impl: the socket behind a Connection: reading into the loop's shared buffer, gathered writes, and what the kernel
// did not take yet. Private to net/. Kept alive by its owner's Connection and, while the socket is open, by its SocketPoll; the
// loop's thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/uio.h>

#include "net/socket_poll.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace infbench::net {

struct Connection::Impl : std::enable_shared_from_this<Connection::Impl> {
  // Takes the socket: connected, not blocking, with the options of set_stream_options().
  Impl(SocketPoll& poll, int socket, const sockaddr_storage& peer, std::unique_ptr<TlsSession> tls);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // False: it cannot be watched (errno); then the socket is closed.
  bool watch();

  void on_news(std::uint32_t epoll_events);
  void read();

  void set_events(Events given);
  void send(std::span<const std::string_view> parts);
  void pause();
  void resume();
  void shut_when_sent();
  void release();  // the owner has gone
  std::size_t unsent() const { return unsent_.size() - sent_; }
  std::string peer() const;

 private:
  enum class Got : std::uint8_t { bytes, nothing, end };
  Got receive_once();
  ssize_t receive_stamped(std::span<char> buffer, std::optional<std::int64_t>& stamp) const;
  void deliver(std::string_view bytes, Time received);
  void deliver_opened(std::string_view bytes, Time received);  // of TLS
  void send_raw(std::span<const std::string_view> parts);
  void flush();
  void all_sent();
  void cannot_write(int error);
  void end_reading(const std::string& reason);
  void settle();
  void close();
  std::size_t write_some(std::span<const std::string_view> parts);
  bool write_small(std::span<const std::string_view> parts, std::size_t& taken);
  void keep(std::span<const std::string_view> parts, std::size_t taken);
  bool may_read() const { return begun_ && !paused_ && !ended_; }

  SocketPoll& poll_;
  int socket_;
  sockaddr_storage peer_;
  std::unique_ptr<TlsSession> tls_;  // null: plain
  std::optional<SocketPoll::Slot> slot_;
  Events events_;
  std::optional<Events> next_events_;  // given from inside a callback, whose closure must live on until it returns
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  std::string broken_;    // why no more can be written
  bool begun_ = false;    // set_events() was called
  bool paused_ = false;
  bool readable_ = false;  // there may be more in the kernel
  bool hung_up_ = false;   // the end of the stream is in the kernel: read until it comes
  bool in_callback_ = false;
  bool ended_ = false;  // on_closed was called
  bool released_ = false;
  bool shut_wanted_ = false;
};

// TCP_NODELAY and, if wanted, the kernel's receive stamps; on a listening socket, connections inherit them.
void set_stream_options(int socket, bool stamped);

// A Connection around a socket, or nothing (errno; the socket is closed).
std::unique_ptr<Connection> make_connection(SocketPoll& poll, int socket, const sockaddr_storage& peer,
                                            std::shared_ptr<const TlsContext> tls = nullptr);

// "127.0.0.1:80", "[::1]:80".
std::string address_text(const sockaddr_storage& address);

}  // namespace infbench::net
