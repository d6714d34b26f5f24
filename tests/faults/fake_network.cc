#include "fake_network.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "fake_sockets.h"

namespace infbench::faults {

using net::Connection;
using Item = net::Connection::Impl::Item;

namespace {

thread_local FakeNetwork* installed = nullptr;

constexpr std::size_t kPiecesMost = 24;  // that the bytes of one send() are cut into

}  // namespace

FakeNetwork::FakeNetwork(std::uint64_t seed, const FaultRates& rates)
    : rates_(rates), random_(seed), now_(Time{} + seconds(1000)), before_(std::exchange(installed, this)) {
  loops_.push_back({.host = "the network", .alive = true, .paused_until = {}, .posts = {}});
}

FakeNetwork::~FakeNetwork() {
  // What the events hold may end connections, which look at the network.
  while (!events_.empty()) {
    const std::vector<Event> last = std::exchange(events_, {});
  }
  installed = before_;
}

FakeNetwork& FakeNetwork::here() {
  INFBENCH_CHECK(installed != nullptr);
  return *installed;
}

void FakeNetwork::note(const std::string& line) const {
  if (verbose) std::fprintf(stderr, "%12.6f  %s\n", to_s(now_ - (Time{} + seconds(1000))), line.c_str());
}

// ---- Clock

Time FakeNetwork::read_clock() {
  if (rates_.ticking) now_ = now_ + Duration{static_cast<std::int64_t>(random_.below(500))};
  return now_;
}

void FakeNetwork::step_epoch(Duration by) {
  epoch_minus_steady_ns_ += by.ns;
  ++counts_.clock_steps;
  note("the wall clock is set by " + std::to_string(by.ns / 1'000'000) + " ms");
}

// ---- Loops

LoopId FakeNetwork::add_loop() {
  loops_.push_back({.host = host_, .alive = true, .paused_until = {}, .posts = {}});
  return static_cast<LoopId>(loops_.size() - 1);
}

void FakeNetwork::remove_loop(LoopId loop) {
  loops_[loop].alive = false;
  loops_[loop].posts.clear();
}

void FakeNetwork::pause(const std::string& host, Duration duration) {
  ++counts_.pauses;
  note(host + " does nothing for " + std::to_string(duration.ns / 1'000'000) + " ms");
  for (Loop& loop : loops_) {
    if (loop.host == host) loop.paused_until = std::max(loop.paused_until, now_ + duration);
  }
}

void FakeNetwork::go_dark(const std::string& host) {
  dark_.insert(host);
  for (const auto& weak : wires_) {
    const auto wire = weak.lock();
    for (std::size_t side = 0; wire && side < 2; ++side) {
      const auto end = wire->ends[side].lock();
      if (end && host_of(end->loop) == host) end->open = false;
    }
  }
}

void FakeNetwork::come_back(const std::string& host) { dark_.erase(host); }

void FakeNetwork::at(Time when, LoopId loop, std::function<void()> callback) {
  if (!loops_[loop].alive) return;
  const std::uint64_t order = (random_.next() >> 32U << 32U) | (++order_ & 0xffffffffU);
  events_.push_back({std::max(when, now_), order, loop, std::move(callback)});
  std::push_heap(events_.begin(), events_.end(), Later());
}

// In order among themselves, and each takes a moment: a loop that posts to itself lets time pass.
void FakeNetwork::post(LoopId loop, std::function<void()> callback) {
  if (!loops_[loop].alive) return;
  loops_[loop].posts.push_back(std::move(callback));
  at(now_ + microseconds(20) + up_to(microseconds(80)), loop, [this, loop] {
    const std::function<void()> first = std::move(loops_[loop].posts.front());
    loops_[loop].posts.pop_front();
    first();
  });
}

bool FakeNetwork::step(Time until) {
  if (events_.empty() || events_.front().at > until) {
    now_ = std::max(now_, until);
    return false;
  }
  std::pop_heap(events_.begin(), events_.end(), Later());
  Event event = std::move(events_.back());
  events_.pop_back();
  now_ = std::max(now_, event.at);
  const Loop& loop = loops_[event.loop];
  if (!loop.alive) return true;
  if (loop.paused_until > now_) {
    at(loop.paused_until, event.loop, std::move(event.run));
    return true;
  }
  ++steps_;
  event.run();
  event.run = {};
  if (watch.stepped) watch.stepped(event.loop);
  return true;
}

// ---- Connecting

bool FakeNetwork::listen(LoopId loop, int& port, std::weak_ptr<Accept> accept) {
  const std::string& host = loops_[loop].host;
  if (port == 0) {
    port = 40000;
    while (ports_.contains({host, port})) ++port;
  }
  return ports_.try_emplace({host, port}, Port{loop, std::move(accept)}).second;
}

void FakeNetwork::unlisten(const std::string& host, int port) { ports_.erase({host, port}); }

Fate FakeNetwork::draw_fate() {
  Fate fate;
  fate.latency = microseconds(20) + up_to(microseconds(300));
  if (chance(rates_.slow)) fate.latency = up_to(milliseconds(150));
  fate.jitter = chance(0.5) ? Duration{1} : fate.latency * 2;
  if (chance(rates_.small)) fate.piece = 1 + random_.below(chance(0.5) ? 8 : 200);
  if (chance(rates_.narrow)) fate.room = 64 + random_.below(8192);
  const auto bytes = [&] {  // near the beginning of a message, in its head, in its body
    constexpr std::array<std::uint64_t, 4> kMost{2, 200, 1500, 20'000};
    return static_cast<std::size_t>(random_.below(kMost[random_.below(kMost.size())]));
  };
  const bool reset = chance(rates_.reset);
  if (reset || chance(rates_.close)) {
    fate.breaks = reset ? Fate::Break::reset : Fate::Break::close;
    fate.break_after[random_.below(2)] = bytes();
  } else if (chance(rates_.idle_break)) {
    fate.breaks = chance(0.5) ? Fate::Break::reset : Fate::Break::close;
  }
  if (chance(rates_.stall)) {
    fate.stall_after[random_.below(2)] = bytes();
    fate.stall = up_to(rates_.stall_most);
  }
  return fate;
}

std::shared_ptr<Wire> FakeNetwork::make_wire(const std::string& from, const std::string& to, int port) {
  auto wire = std::make_shared<Wire>();
  wire->number = next_wire_++;
  wire->fate = draw_fate();
  wire->from = from;
  wire->to = to;
  wire->port = port;
  ++counts_.connections;
  const Fate& fate = wire->fate;
  if (fate.breaks != Fate::Break::none && !fate.break_after[0] && !fate.break_after[1]) {
    at(now_ + up_to(chance(0.7) ? seconds(4) : seconds(60)), kNoLoop, [this, weak = std::weak_ptr(wire)] {
      const auto there = weak.lock();
      if (there && there->fate.breaks != Fate::Break::none) break_now(there, there->fate.breaks);
    });
  }
  if (wires_.size() >= 1024) std::erase_if(wires_, [](const auto& each) { return each.expired(); });
  wires_.push_back(wire);
  return wire;
}

void FakeNetwork::connect(LoopId loop, const std::string& host, int port, Duration timeout,
                          std::function<void(std::shared_ptr<Connection::Impl>, const char*)> on_connected) {
  const Duration way = microseconds(20) + up_to(chance(rates_.slow) ? milliseconds(100) : microseconds(300));
  if (chance(rates_.lose) || way * 2 >= timeout) {
    ++counts_.lost;
    note("nobody answers " + host_of(loop) + " at " + host + ":" + std::to_string(port));
    return at(now_ + timeout, loop, [on_connected] { on_connected(nullptr, "no answer in time"); });
  }
  at(now_ + way, kNoLoop, [this, loop, host, port, late = now_ + timeout, on_connected = std::move(on_connected)] {
    establish(loop, host, port, late, on_connected);
  });
}

void FakeNetwork::establish(LoopId loop, const std::string& host, int port, Time late,
                            const std::function<void(std::shared_ptr<Connection::Impl>, const char*)>& on_connected) {
  const auto found = ports_.find({host, port});
  if (!loops_[loop].alive) return;
  if (dark_.contains(host)) return at(late, loop, [on_connected] { on_connected(nullptr, "no answer in time"); });
  if (found == ports_.end() || chance(rates_.refuse)) {
    ++counts_.refused;
    note(host + ":" + std::to_string(port) + " refuses " + host_of(loop));
    return at(now_ + up_to(milliseconds(1)), loop, [on_connected] { on_connected(nullptr, "Connection refused"); });
  }
  const auto wire = make_wire(host_of(loop), host, port);
  auto near = std::make_shared<Connection::Impl>(*this, loop, wire, 0);
  auto far = std::make_shared<Connection::Impl>(*this, found->second.loop, wire, 1);
  wire->ends = {near, far};
  note("wire " + std::to_string(wire->number) + ": " + wire->from + " to " + host + ":" + std::to_string(port));
  at(now_ + up_to(milliseconds(1)), found->second.loop, [accept = found->second.accept, far] {
    if (const auto there = accept.lock()) (*there)(far);
  });
  at(now_ + up_to(milliseconds(1)), loop, [on_connected, near] { on_connected(near, nullptr); });
}

// ---- Bytes

std::size_t FakeNetwork::piece_of(const Wire& wire, std::size_t bytes) {
  const std::size_t most = std::max(wire.fate.piece, bytes / kPiecesMost);
  return std::min<std::size_t>(bytes, 1 + random_.below(most));
}

Duration FakeNetwork::transit(const Wire& wire) { return wire.fate.latency + up_to(wire.fate.jitter); }

std::size_t FakeNetwork::give(const std::shared_ptr<Wire>& wire, int side, std::string_view bytes) {
  Wire::Direction& way = wire->directions[static_cast<std::size_t>(side)];
  Fate& fate = wire->fate;
  auto& stall_after = fate.stall_after[static_cast<std::size_t>(side)];
  auto& break_after = fate.break_after[static_cast<std::size_t>(side)];
  if (way.in_there >= fate.room) return 0;
  bytes = bytes.substr(0, fate.room - way.in_there);
  if (watch.sent) watch.sent(*wire, side, bytes);
  const std::size_t taken = bytes.size();
  while (!bytes.empty() && !wire->broken && !way.cut) {
    std::size_t piece = piece_of(*wire, bytes.size());
    bool breaks = false;
    if (break_after && way.given + piece > *break_after) {
      piece = *break_after - way.given;
      breaks = true;
      break_after.reset();
    }
    Time arrival = std::max(way.last_arrival + Duration{1}, now_ + transit(*wire));
    if (stall_after && way.given + piece > *stall_after) {
      stall_after.reset();
      ++counts_.stalls;
      arrival = arrival + fate.stall;
      note("wire " + std::to_string(wire->number) + " stalls for " + std::to_string(fate.stall.ns / 1'000'000) + " ms");
    }
    way.last_arrival = arrival;
    way.given += piece;
    way.in_there += piece;
    at(arrival, kNoLoop,
       [this, wire, side, text = std::string(bytes.substr(0, piece)), epoch = way.epoch] { arrive(wire, side, text, epoch); });
    if (breaks) at(arrival, kNoLoop, [this, wire, how = fate.breaks] { break_now(wire, how); });
    bytes.remove_prefix(piece);
    way.cut = breaks;
  }
  return taken;
}

void FakeNetwork::arrive(const std::shared_ptr<Wire>& wire, int side, const std::string& bytes, std::uint32_t epoch) {
  Wire::Direction& way = wire->directions[static_cast<std::size_t>(side)];
  if (way.epoch != epoch || bytes.empty()) return;
  const auto to = wire->ends[static_cast<std::size_t>(1 - side)].lock();
  if (to && to->open) return to->arrived({.what = Item::What::bytes, .bytes = bytes, .arrived = now_});
  if (dark_.contains(side == 0 ? wire->to : wire->from)) {  // sent again and again until somebody answers
    return at(now_ + seconds(1), kNoLoop, [this, wire, side, bytes, epoch] { arrive(wire, side, bytes, epoch); });
  }
  // Nobody is there any more: the sender is told.
  end(wire, 1 - side, true);
}

void FakeNetwork::took(const std::shared_ptr<Wire>& wire, int side, std::size_t bytes) {
  Wire::Direction& way = wire->directions[static_cast<std::size_t>(1 - side)];
  way.in_there -= std::min(bytes, way.in_there);
  const auto sender = wire->ends[static_cast<std::size_t>(1 - side)].lock();
  if (!sender || sender->unsent.empty()) return;
  at(now_ + wire->fate.latency, sender->loop, [sender] { sender->room_again(); });
}

void FakeNetwork::end(const std::shared_ptr<Wire>& wire, int side, bool reset) {
  Wire::Direction& way = wire->directions[static_cast<std::size_t>(side)];
  if (wire->broken || way.cut || (way.ended && !reset)) return;
  way.ended = true;
  if (watch.gone) watch.gone(*wire, side, false);
  way.last_arrival = std::max(way.last_arrival + Duration{1}, now_ + transit(*wire));
  at(way.last_arrival, kNoLoop, [this, wire, side, reset, epoch = way.epoch] { arrive_end(wire, side, reset, epoch); });
}

void FakeNetwork::arrive_end(const std::shared_ptr<Wire>& wire, int side, bool reset, std::uint32_t epoch) {
  if (wire->directions[static_cast<std::size_t>(side)].epoch != epoch) return;
  const auto to = wire->ends[static_cast<std::size_t>(1 - side)].lock();
  if (!to || !to->open) return;
  to->arrived({.what = reset ? Item::What::reset : Item::What::end, .bytes = {}, .arrived = now_});
}

// What is on its way may be lost; each side is told at a moment of its own.
void FakeNetwork::break_now(const std::shared_ptr<Wire>& wire, Fate::Break how) {
  if (wire->broken) return;
  const bool reset = how == Fate::Break::reset;
  ++(reset ? counts_.resets : counts_.closes);
  note("wire " + std::to_string(wire->number) + (reset ? " is reset" : " is closed from outside"));
  const bool lose = chance(0.5);
  for (int side = 0; side < 2; ++side) {
    Wire::Direction& way = wire->directions[static_cast<std::size_t>(side)];
    if (lose) ++way.epoch;
    const Time soon = lose ? now_ + up_to(milliseconds(2)) : std::max(way.last_arrival + Duration{1}, now_);
    at(soon, kNoLoop, [this, wire, side, reset, epoch = way.epoch] { arrive_end(wire, side, reset, epoch); });
  }
  wire->broken = true;
}

void FakeNetwork::close_idle(const std::string& host, const std::function<bool(const Wire&)>& idle) {
  const Duration most = chance(0.5) ? milliseconds(2) : milliseconds(200);
  for (const auto& weak : wires_) {
    const auto wire = weak.lock();
    if (!wire || wire->to != host || wire->broken || !idle(*wire)) continue;
    const auto sender = wire->ends[0].lock();
    if (wire->directions[0].in_there + wire->directions[1].in_there > 0 || !sender || !sender->unsent.empty()) continue;
    note("wire " + std::to_string(wire->number) + " has idled for too long");
    ++counts_.closes;
    wire->broken = true;
    const bool reset = chance(0.3);
    at(now_, kNoLoop, [this, wire, epoch = wire->directions[0].epoch] { arrive_end(wire, 0, false, epoch); });
    at(now_ + up_to(most), kNoLoop,
       [this, wire, reset, epoch = wire->directions[1].epoch] { arrive_end(wire, 1, reset, epoch); });
  }
}

// ---- For the one who watches

void FakeNetwork::heal() {
  const bool ticking = rates_.ticking;
  rates_ = {};
  rates_.ticking = ticking;
  for (const auto& weak : wires_) {
    const auto wire = weak.lock();
    if (!wire) continue;
    wire->fate.breaks = Fate::Break::none;
    wire->fate.break_after = {};
    wire->fate.stall_after = {};
    wire->fate.latency = Fate{}.latency;
    wire->fate.jitter = Fate{}.jitter;
  }
}

std::size_t FakeNetwork::open_ends(const std::string& host) const {
  std::size_t open = 0;
  for (const auto& weak : wires_) {
    const auto wire = weak.lock();
    if (!wire) continue;
    for (const auto& end : wire->ends) {
      const auto there = end.lock();
      if (there && there->open && host_of(there->loop) == host && loops_[there->loop].alive) ++open;
    }
  }
  return open;
}

std::size_t FakeNetwork::armed_timers(const std::string& host) const {
  int armed = 0;
  for (const Loop& loop : loops_) {
    if (loop.alive && loop.host == host) armed += loop.timers;
  }
  return static_cast<std::size_t>(armed);
}

}  // namespace infbench::faults
