// Connection::Impl on a FakeNetwork: one end of a wire, with the behaviour that net/connection.cc gives a socket: what may be
// called when, which callback comes after which, what is lost and what is not. Private to tests/faults/; its loop's host owns
// it. One thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "fake_network.h"
#include "net/tcp.h"

namespace infbench::net {

struct Connection::Impl : std::enable_shared_from_this<Connection::Impl> {
  Impl(faults::FakeNetwork& on, faults::LoopId on_loop, std::shared_ptr<faults::Wire> on_wire, int on_side)
      : network(on), loop(on_loop), wire(std::move(on_wire)), side(on_side) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // From the wire.
  struct Item {
    enum class What : std::uint8_t { bytes, end, reset };
    What what = What::bytes;
    std::string bytes = {};
    Time arrived = {};
  };
  void arrived(Item item);
  void room_again();  // the wire takes bytes again

  // From the owner.
  void set_events(Events given);
  void send(std::span<const std::string_view> parts);
  void pause() { paused = true; }
  void resume();
  void shut_when_sent();
  void release();

  bool may_read() const { return begun && !paused && !ended; }
  void plan_read();
  void read();
  void end_reading(const std::string& reason);
  void settle();
  void all_sent();
  void close();

  faults::FakeNetwork& network;
  faults::LoopId loop;
  std::shared_ptr<faults::Wire> wire;
  int side;
  Events events;
  std::optional<Events> next_events;
  std::deque<Item> inbox;
  std::string unsent;
  std::string broken;
  bool open = true;
  bool begun = false;
  bool paused = false;
  bool in_callback = false;
  bool ended = false;
  bool released = false;
  bool shut_wanted = false;
  bool read_planned = false;
};

}  // namespace infbench::net
