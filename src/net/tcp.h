// TCP: a listening port, an outgoing connection, a connection: thin shells around sockets, without any protocol.
//
// All of one EventLoop, on its thread. A Connection is owned by whoever got it; destroying it closes the socket at once, also
// from inside one of its own callbacks. After on_closed no more callbacks come. TCP_NODELAY is set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/event_loop.h"
#include "net/tls.h"

namespace infbench::net {

class Connection {
 public:
  struct Events {
    // Bytes as they came; `received`: when the kernel got the last of them if it says so cheaply (SO_TIMESTAMPNS), else when
    // they were read, in any case before anything is done with them. The view lives during the call.
    std::function<void(std::string_view bytes, Time received)> on_bytes;
    // All that was given to send() has gone to the kernel, after a time when it had not.
    std::function<void()> on_drained;
    // The peer has closed or half-closed (reason empty), or the connection is broken (reason says how). All bytes that came
    // before were given to on_bytes. What was unsent still goes out while the Connection lives, unless it is broken; send()
    // does nothing any more.
    std::function<void(const std::string& reason)> on_closed;
  };

  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Reading begins with the first call. From inside a callback: the new ones take over when it returns. No callback comes from
  // inside a call of a member.
  void set_events(Events events);
  // Sends the parts one after the other. They go out at once by one writev where the kernel takes them; what it does not take
  // is copied and goes when it can. So the parts need to live during the call only.
  void send(std::span<const std::string_view> parts);
  void send(std::string_view bytes);
  std::size_t unsent() const;  // bytes copied and not yet taken by the kernel
  void pause_reading();        // the peer will feel it
  void resume_reading();
  void shut_when_sent();     // half-close after what is unsent
  std::string peer() const;  // "127.0.0.1:34567"

  struct Impl;
  explicit Connection(std::shared_ptr<Impl> impl);

 private:
  std::shared_ptr<Impl> impl_;
};

class Listener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Connection>)>;

  // port 0: a free one. Errors: the address is not one of this machine, the port is taken. At the open-file limit connections
  // are left in the kernel's queue and accepting goes on when files are free again. With `tls` connections are encrypted:
  // on_bytes gives plain bytes, a failed handshake comes as on_closed.
  static Result<std::unique_ptr<Listener>> open(EventLoop& loop, const std::string& host, int port, OnAccept on_accept,
                                                std::shared_ptr<const TlsContext> tls = nullptr);
  ~Listener();
  int port() const;

  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);

 private:
  std::shared_ptr<Impl> impl_;
};

// Resolves and connects; calls back once, never before it returns. `host` may be a name or an address.
void connect(EventLoop& loop, const std::string& host, int port, Duration timeout,
             std::function<void(Result<std::unique_ptr<Connection>>)> on_connected);

}  // namespace infbench::net
