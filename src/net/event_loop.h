// EventLoop: one thread's sockets and timers. Timer: one moment on it. Asio inside, in event_loop.cc, exit_watch.cc and tcp.cc
// only (it is slow to compile).
//
// Everything made on a loop (timers, listeners, connections) is used and destroyed on the loop's thread, or while run() is not
// running, and destroyed before the loop; only stop() and post() may be called from other threads. Callbacks run on the loop's
// thread and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.h"

namespace infbench::net {

// Monotonic nanoseconds (CLOCK_MONOTONIC): one clock for all loops and threads of a process.
Time steady_now();
// Nanoseconds of the Unix epoch that belong to a steady moment, by one pairing of both clocks at the program's start.
std::int64_t to_epoch_ns(Time steady);
// CPU seconds that this process has used, all threads together.
double process_cpu_s();
double thread_cpu_s();  // of the calling thread

class EventLoop {
 public:
  // Whether connections ask the kernel when bytes came (Connection::Events), or look at the clock when they are read: that
  // costs less.
  enum class Received : std::uint8_t { stamped, read };
  explicit EventLoop(Received received = Received::stamped);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void run();   // until stop(); at once if that came ahead of it. May be called again
  void stop();  // run() returns after the callback under way
  void post(std::function<void()> callback);

  struct Impl;  // asio::io_context
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> on_due);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Instead of the moment armed before; a moment that has passed is due at once (never inside arm()), kNever is none. Cheap:
  // may be called for every chunk. Timers that are overdue together go off in any order.
  void arm(Time at);
  void disarm();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Calls back once for SIGINT or SIGTERM (the second one of either ends the process as usual).
class SignalWatch {
 public:
  SignalWatch(EventLoop& loop, std::function<void(int signal)> on_signal);
  ~SignalWatch();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace infbench::net
