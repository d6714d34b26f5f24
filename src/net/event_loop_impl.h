// EventLoop::Impl: what an EventLoop is made of. Private to net/: for event_loop.cc, exit_watch.cc and tcp.cc.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "net/asio.h"
#include "net/event_loop.h"
#include "net/socket_poll.h"

namespace infbench::net {

// The way into a loop for a thread that may outlive it (one that resolves a name).
struct LoopDoor {
  std::mutex mutex;
  boost::asio::io_context* io = nullptr;  // null: the loop has gone
};

struct EventLoop::Impl {
  explicit Impl(Received received);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void watch_sockets();
  void file_closed();

  boost::asio::io_context io{1};  // 1: one thread runs it
  std::shared_ptr<LoopDoor> door = std::make_shared<LoopDoor>();
  SocketPoll sockets;
  boost::asio::posix::stream_descriptor sockets_ready{io};
  std::vector<std::function<void()>> waiting_for_files;  // listeners that found no free descriptor; each is called once
};

}  // namespace infbench::net
