// SocketPoll: which connected sockets of one loop have something to read or room to write. Private to net/.
//
// An epoll set of its own, edge-triggered, so that a socket costs one system call when it comes and none per chunk (a wait of
// Asio's costs one for each). The set's descriptor becomes readable when round() has something to do; the loop watches it. Owns
// the buffer that all connections of the loop read into, and the slots that keep them alive while they are watched. The loop's
// thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/tcp.h"

namespace infbench::net {

class SocketPoll {
 public:
  struct Hooks {
    std::function<void()> wake;         // repeat() must be called soon although no socket has news; never from inside this call
    std::function<void()> file_closed;  // a connection has closed its socket
  };
  // `stamped`: its sockets ask for the kernel's receive stamps.
  SocketPoll(Hooks hooks, bool stamped);
  ~SocketPoll();
  SocketPoll(const SocketPoll&) = delete;
  SocketPoll& operator=(const SocketPoll&) = delete;

  int descriptor() const { return epoll_; }
  bool stamped() const { return stamped_; }

  using Slot = std::uint64_t;  // never used twice
  // Watches the socket until remove(). Nothing if the kernel refuses (its limit of watches).
  std::optional<Slot> add(int socket, std::shared_ptr<Connection::Impl> connection);
  void remove(Slot slot);
  // The connection is asked to go on reading in the next repeat().
  void ask_again(Slot slot);

  void round();   // tells each connection with news, at most kBatch of them
  void repeat();  // tells those that asked

  void file_closed() { hooks_.file_closed(); }
  std::span<char> buffer() { return buffer_; }

  // The moment of the kernel's stamp (nanoseconds of CLOCK_REALTIME) on the steady clock, or `now` if the stamp cannot be
  // right: later than now, or more than a second ago (somebody set the clock).
  Time on_steady_clock(std::int64_t epoch_ns, Time now);

 private:
  static constexpr int kBatch = 256;
  static constexpr std::size_t kBufferBytes = std::size_t{256} << 10U;

  struct Place {
    std::uint32_t generation = 0;
    std::shared_ptr<Connection::Impl> connection;
  };
  std::shared_ptr<Connection::Impl> find(Slot slot) const;

  Hooks hooks_;
  bool stamped_;
  int epoll_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::vector<Slot> asked_;
  std::vector<Slot> asked_now_;
  std::vector<char> buffer_;
  std::int64_t steady_behind_epoch_ns_ = 0;
  Time paired_at_{INT64_MIN / 2};
};

}  // namespace infbench::net
