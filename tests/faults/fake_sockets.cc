// net/'s event loops, timers, connections and clocks on a FakeNetwork. The linker takes these instead of net/event_loop.cc,
// net/connection.cc and net/tcp.cc: all that the live programs know of the outside goes through them.
#include "fake_sockets.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/event_loop.h"

namespace infbench::net {

using faults::FakeNetwork;
using faults::LoopId;

// ---- Clocks, loops, timers

Time steady_now() { return FakeNetwork::here().read_clock(); }
std::int64_t to_epoch_ns(Time steady) { return FakeNetwork::here().epoch_ns(steady); }
double process_cpu_s() { return 0; }
double thread_cpu_s() { return 0; }

struct EventLoop::Impl {
  Impl() : network(FakeNetwork::here()), id(network.add_loop()) {}
  ~Impl() { network.remove_loop(id); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  FakeNetwork& network;
  LoopId id;
};

EventLoop::EventLoop(Received) : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;
void EventLoop::run() { INFBENCH_CHECK(false); }  // the network runs all loops
void EventLoop::stop() {}
void EventLoop::post(std::function<void()> callback) { impl_->network.post(impl_->id, std::move(callback)); }

struct Timer::Impl : std::enable_shared_from_this<Timer::Impl> {
  Impl(EventLoop& on, std::function<void()> given) : network(on.impl().network), loop(on.impl().id), on_due(std::move(given)) {}

  void arm(Time at) {
    if ((wanted == kNever) != (at == kNever)) network.timer_armed(loop, at != kNever);
    wanted = at;
    if (waiting_until > at) wait();
  }

  void wait() {
    waiting_until = wanted;
    Time when = wanted;
    if (network.chance(network.rates().late_timers)) {
      when = std::max(when, network.now()) + network.up_to(network.chance(0.1) ? seconds(1) : milliseconds(5));
    }
    network.at(when, loop, [self = shared_from_this(), number = ++waits] {
      if (number == self->waits) self->waited();
    });
  }

  void waited() {
    waiting_until = kNever;
    if (wanted == kNever) return;
    if (wanted > network.now()) return wait();
    arm(kNever);
    on_due();
  }

  void end() {
    arm(kNever);
    ++waits;
  }

  FakeNetwork& network;
  LoopId loop;
  std::function<void()> on_due;
  Time wanted = kNever;
  Time waiting_until = kNever;
  std::uint64_t waits = 0;
};

Timer::Timer(EventLoop& loop, std::function<void()> on_due) : impl_(std::make_shared<Impl>(loop, std::move(on_due))) {}
Timer::~Timer() { impl_->end(); }
void Timer::arm(Time at) { impl_->arm(at); }
void Timer::disarm() { impl_->arm(kNever); }

struct SignalWatch::Impl {};
SignalWatch::SignalWatch(EventLoop&, std::function<void(int)>) {}
SignalWatch::~SignalWatch() = default;

// ---- Connections

Connection::Impl::~Impl() { close(); }

void Connection::Impl::arrived(Item item) {
  if (item.what == Item::What::reset) {
    broken = "Connection reset by peer";
    unsent.clear();
    if (ended) return close();
  }
  inbox.push_back(std::move(item));
  plan_read();
}

void Connection::Impl::plan_read() {
  if (read_planned || !may_read() || inbox.empty()) return;
  read_planned = true;
  const Duration soon = network.up_to(network.chance(0.1) ? milliseconds(1) : microseconds(20));
  network.at(network.now() + soon, loop, [self = shared_from_this()] { self->read(); });
}

// Some of what is there: what came in several pieces may be read as one, what came as one in several.
void Connection::Impl::read() {
  read_planned = false;
  if (!may_read() || inbox.empty()) return;
  if (inbox.front().what != Item::What::bytes) return end_reading(broken);
  std::string bytes = std::move(inbox.front().bytes);
  Time arrived = inbox.front().arrived;
  inbox.pop_front();
  while (!inbox.empty() && inbox.front().what == Item::What::bytes && network.chance(0.7)) {
    bytes += inbox.front().bytes;
    arrived = inbox.front().arrived;
    inbox.pop_front();
  }
  if (network.chance(0.1)) {
    const std::size_t now = 1 + network.random().below(bytes.size());
    if (now < bytes.size()) inbox.push_front({.what = Item::What::bytes, .bytes = bytes.substr(now), .arrived = arrived});
    bytes.resize(now);
  }
  network.took(wire, side, bytes.size());
  const auto self = shared_from_this();
  if (network.watch.read) network.watch.read(*wire, side, bytes);
  in_callback = true;
  if (events.on_bytes) events.on_bytes(bytes, arrived);
  settle();
  plan_read();
}

void Connection::Impl::settle() {
  in_callback = false;
  if (released) {
    events = {};
    next_events.reset();
  } else if (next_events) {
    events = std::move(*next_events);
    next_events.reset();
  }
}

void Connection::Impl::end_reading(const std::string& reason) {
  const auto self = shared_from_this();
  ended = true;
  if (network.watch.gone) network.watch.gone(*wire, side, true);
  inbox.clear();
  if (!reason.empty() || unsent.empty()) close();
  in_callback = true;
  if (events.on_closed) events.on_closed(reason);
  released = true;
  settle();
}

void Connection::Impl::set_events(Events given) {
  if (released || ended) return;
  if (in_callback) {
    next_events = std::move(given);
  } else {
    events = std::move(given);
  }
  begun = true;
  plan_read();
}

void Connection::Impl::resume() {
  if (std::exchange(paused, false)) plan_read();
}

void Connection::Impl::send(std::span<const std::string_view> parts) {
  if (ended || released || shut_wanted || !broken.empty() || !open) return;
  std::string bytes;
  for (const std::string_view part : parts) bytes += part;
  const std::size_t taken = unsent.empty() ? network.give(wire, side, bytes) : 0;
  unsent.append(bytes, taken);
}

void Connection::Impl::room_again() {
  if (unsent.empty() || !open) return;
  unsent.erase(0, network.give(wire, side, unsent));
  if (unsent.empty()) all_sent();
}

void Connection::Impl::all_sent() {
  if (ended) return close();
  if (shut_wanted) network.end(wire, side, false);
  const auto self = shared_from_this();
  in_callback = true;
  if (events.on_drained) events.on_drained();
  settle();
}

void Connection::Impl::shut_when_sent() {
  if (std::exchange(shut_wanted, true) || !open || !unsent.empty()) return;
  network.end(wire, side, false);
}

void Connection::Impl::release() {
  if (!ended && network.watch.gone) network.watch.gone(*wire, side, false);
  released = true;
  ended = true;
  close();
  if (!in_callback) settle();
}

// Bytes that came and were not read make it a reset.
void Connection::Impl::close() {
  if (!std::exchange(open, false)) return;
  const bool unread = std::ranges::any_of(inbox, [](const Item& item) { return item.what == Item::What::bytes; });
  inbox.clear();
  if (broken.empty()) network.end(wire, side, unread);
}

Connection::Connection(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() { impl_->release(); }
void Connection::set_events(Events events) { impl_->set_events(std::move(events)); }
void Connection::send(std::span<const std::string_view> parts) { impl_->send(parts); }
void Connection::send(std::string_view bytes) { impl_->send({&bytes, 1}); }
std::size_t Connection::unsent() const { return impl_->unsent.size(); }
void Connection::pause_reading() { impl_->pause(); }
void Connection::resume_reading() { impl_->resume(); }
void Connection::shut_when_sent() { impl_->shut_when_sent(); }
std::string Connection::peer() const { return impl_->side == 0 ? impl_->wire->to : impl_->wire->from; }

// ---- Ports

struct Listener::Impl {
  Impl(EventLoop& on, OnAccept given)
      : network(on.impl().network),
        loop(on.impl().id),
        accept(std::make_shared<FakeNetwork::Accept>([given = std::move(given)](std::shared_ptr<Connection::Impl> made) {
          given(std::make_unique<Connection>(std::move(made)));
        })) {}
  FakeNetwork& network;
  LoopId loop;
  int port = 0;
  std::shared_ptr<FakeNetwork::Accept> accept;
};

Result<std::unique_ptr<Listener>> Listener::open(EventLoop& loop, const std::string&, int port, OnAccept on_accept,
                                                 std::shared_ptr<const TlsContext>) {
  auto impl = std::make_shared<Impl>(loop, std::move(on_accept));
  if (!impl->network.listen(impl->loop, port, impl->accept)) return fail("the port is taken");
  impl->port = port;
  return std::make_unique<Listener>(std::move(impl));
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() { impl_->network.unlisten(impl_->network.host_of(impl_->loop), impl_->port); }
int Listener::port() const { return impl_->port; }

void connect(EventLoop& loop, const std::string& host, int port, Duration timeout,
             std::function<void(Result<std::unique_ptr<Connection>>)> on_connected) {
  loop.impl().network.connect(
      loop.impl().id, host, port, timeout,
      [on_connected = std::move(on_connected)](std::shared_ptr<Connection::Impl> made, const char* error) {
        if (error != nullptr) return on_connected(fail(error));
        on_connected(std::make_unique<Connection>(std::move(made)));
      });
}

}  // namespace infbench::net
