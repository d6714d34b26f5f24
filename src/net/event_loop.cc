#include "net/event_loop.h"

#include <chrono>
#include <csignal>
#include <utility>

#include <ctime>

#include "net/event_loop_impl.h"

namespace infbench::net {
namespace {

std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// What to add to the steady clock for the epoch's: between two readings of the one, a reading of the other.
const std::int64_t kEpochMinusSteady = [] {
  const std::int64_t before = clock_ns(CLOCK_MONOTONIC);
  const std::int64_t epoch = clock_ns(CLOCK_REALTIME);
  return epoch - (before + (clock_ns(CLOCK_MONOTONIC) - before) / 2);
}();

using SteadyPoint = std::chrono::steady_clock::time_point;
static_assert(std::chrono::steady_clock::period::den == 1'000'000'000);

}  // namespace

Time steady_now() { return {clock_ns(CLOCK_MONOTONIC)}; }
double thread_cpu_s() { return to_s(Duration{clock_ns(CLOCK_THREAD_CPUTIME_ID)}); }
double process_cpu_s() { return to_s(Duration{clock_ns(CLOCK_PROCESS_CPUTIME_ID)}); }
std::int64_t to_epoch_ns(Time steady) { return steady.ns + kEpochMinusSteady; }

EventLoop::Impl::Impl(Received received)
    : sockets(
          {.wake = [this] { boost::asio::post(io, [this] { sockets.repeat(); }); }, .file_closed = [this] { file_closed(); }},
          received == Received::stamped) {
  door->io = &io;
  sockets_ready.assign(sockets.descriptor());
  watch_sockets();
}

EventLoop::Impl::~Impl() {
  const std::lock_guard lock(door->mutex);
  door->io = nullptr;
  sockets_ready.release();  // the descriptor is the poll's
}

void EventLoop::Impl::watch_sockets() {
  sockets_ready.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    sockets.round();
    watch_sockets();
  });
}

void EventLoop::Impl::file_closed() {
  if (waiting_for_files.empty()) return;
  for (auto& callback : std::exchange(waiting_for_files, {})) boost::asio::post(io, std::move(callback));
}

EventLoop::EventLoop(Received received) : impl_(std::make_unique<Impl>(received)) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  const auto work = boost::asio::make_work_guard(impl_->io);
  impl_->io.run();
  impl_->io.restart();  // here and not before: a stop() that comes ahead of run() counts
}

void EventLoop::stop() { impl_->io.stop(); }
void EventLoop::post(std::function<void()> callback) { boost::asio::post(impl_->io, std::move(callback)); }

// Asio's timer is told as little as possible, since that costs a microsecond: a wait under way for an earlier moment stays, and
// looks when it ends whether it has to go on. So a time-out that is put off with every chunk is nearly free.
struct Timer::Impl : std::enable_shared_from_this<Timer::Impl> {
  Impl(EventLoop& loop, std::function<void()> given) : timer(loop.impl().io), on_due(std::move(given)) {}

  void arm(Time at) {
    wanted = at;
    if (waiting_until > at) wait();
  }

  void wait() {
    waiting_until = wanted;
    timer.expires_at(SteadyPoint(std::chrono::nanoseconds(wanted.ns)));  // ends the wait before
    timer.async_wait([self = shared_from_this(), number = ++waits](const boost::system::error_code&) {
      // Told by its number and not by the error: a wait that was already due when it was ended has none.
      if (number == self->waits) self->waited();
    });
  }

  void waited() {
    waiting_until = kNever;
    if (wanted == kNever) return;
    if (wanted > steady_now()) return wait();
    wanted = kNever;
    on_due();
  }

  void end() {
    ++waits;
    timer.cancel();
  }

  boost::asio::steady_timer timer;
  std::function<void()> on_due;
  Time wanted = kNever;         // when on_due is to be called
  Time waiting_until = kNever;  // never: no wait is under way
  std::uint64_t waits = 0;
};

Timer::Timer(EventLoop& loop, std::function<void()> on_due) : impl_(std::make_shared<Impl>(loop, std::move(on_due))) {}
Timer::~Timer() { impl_->end(); }
void Timer::arm(Time at) { impl_->arm(at); }
void Timer::disarm() { impl_->arm(kNever); }

struct SignalWatch::Impl : std::enable_shared_from_this<SignalWatch::Impl> {
  Impl(EventLoop& loop, std::function<void(int)> given)
      : signals(loop.impl().io, SIGINT, SIGTERM), on_signal(std::move(given)) {}

  void wait() {
    // The wait must not own what owns it: a loop that does not run again would keep both for ever.
    signals.async_wait([weak = weak_from_this()](const boost::system::error_code& error, int signal) {
      const auto self = weak.lock();
      if (error || self == nullptr) return;
      self->signals.clear();  // the next one acts as if nobody had watched
      self->on_signal(signal);
    });
  }

  boost::asio::signal_set signals;
  std::function<void(int)> on_signal;
};

SignalWatch::SignalWatch(EventLoop& loop, std::function<void(int signal)> on_signal)
    : impl_(std::make_shared<Impl>(loop, std::move(on_signal))) {
  impl_->wait();
}
SignalWatch::~SignalWatch() { impl_->signals.clear(); }

}  // namespace infbench::net
