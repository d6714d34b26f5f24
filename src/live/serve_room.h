// Rooms: how the two halves of a disaggregated request find each other. One room for a request, named by bootstrap_room.
//
//   decode                         prefill
//   submit to the engine           submit to the engine
//   kv_reserved --- reserve -----> room_ready
//                                  kv_ready (chunks) into Links
//   kv_arrived <--- arrived ------ kv_sent, when the last byte is due
//
// Either side may give a room up (a refusal, a client that has left, a time-out, a lost peer); it says `leave` if it can, and
// the other side fails the request. Two state machines without sockets: inputs are calls, what to do comes out as RoomActions
// for the owner, in order. A room lives from the first that is heard of it until it is done or its time-out; a room given up
// before the other half has come is remembered as such until the time-out, so that the late half fails at once. `now` is real
// time; the links run in the engine's time. One owner, one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "engine/links.h"
#include "live/model_clock.h"
#include "live/serve_frames.h"

namespace infbench::live {

// The other end of one connection over the bootstrap port.
struct PeerId {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(PeerId, PeerId) = default;
};

struct RoomAction {
  enum class What : std::uint8_t {
    room_ready,  // prefill: tell the engine
    kv_sent,     // prefill: tell the engine; the request is done here
    kv_arrived,  // decode: tell the engine; `cached` of the prompt came from the prefill side's cache
    fail,        // the request cannot go on, `text` says why: cancel it in the engine, tell the client
    send,        // `frame` to `peer`
    connect,     // decode: to host `text`, port `port`, as `peer`
    close        // `peer` does not speak our language
  };
  What what = What::fail;
  RequestId request;
  PeerId peer;
  Tokens cached = 0;
  Frame frame;
  std::string text;
  int port = 0;
};

struct RoomSettings {
  Duration timeout = seconds(300);  // real time: for the other half to come, and for its KV
  engine::LinkSpec link = engine::kAcrossNodes;
  Bytes kv_per_token_per_gpu = 0;
  ModelClock clock;
};

// Moments at which rooms run out of time, in the order in which they were set (the time-out is the same for all). A room that
// is done before leaves its moment behind; whoever takes it looks whether it still means anything.
class RoomDeadlines {
 public:
  struct Deadline {
    Time at;
    std::uint64_t room = 0;
  };
  void add(std::uint64_t room, Time at) { deadlines_.push_back({at, room}); }
  std::optional<Time> next() const { return deadlines_.empty() ? std::nullopt : std::optional(deadlines_.front().at); }
  std::optional<Deadline> take(Time now) {
    if (deadlines_.empty() || deadlines_.front().at > now) return std::nullopt;
    const Deadline first = deadlines_.front();
    deadlines_.pop_front();
    return first;
  }

 private:
  std::deque<Deadline> deadlines_;
};

class PrefillRooms {
 public:
  static constexpr std::size_t kPeersMax = 1024;  // connections of decode workers at a time

  explicit PrefillRooms(const RoomSettings& settings);

  // A request has come and was accepted by the engine. False: this room is in use; the request must be refused.
  bool open(std::uint64_t room, RequestId request, Time now);
  // The engine has refused the request of this room, or its client has left.
  void give_up(std::uint64_t room, const std::string& why);
  void kv_ready(RequestId request, Tokens from, Tokens to, bool last, Time due);
  void first_token(RequestId request, Tokens cached);

  std::optional<PeerId> peer_came();  // none: too many
  void peer_bytes(PeerId peer, std::string_view bytes, Time now);
  void peer_gone(PeerId peer, Time now);

  std::optional<Time> next() const;
  void advance(Time now);
  void take_actions(std::vector<RoomAction>& out);

  bool empty() const { return rooms_.empty() && by_request_.empty() && peers_.empty(); }
  std::size_t rooms() const { return rooms_.size(); }

 private:
  struct Room {
    std::optional<RequestId> request;
    std::optional<PeerId> peer;  // has set KV aside
    bool given_up = false;
    std::string why;
    Tokens cached = 0;
    Time deadline;
    std::uint32_t link = 0;  // the peer's place in links_
  };
  struct Peer {
    FrameReader reader;
    std::uint32_t link = 0;
  };

  Room& room_of(std::uint64_t room, Time now);
  void begin_if_both(Room& room);
  void reserve(PeerId peer, std::uint64_t number, Time now);
  void fail(std::uint64_t number, const std::string& why, bool tell_peer);
  void erase(std::uint64_t number);
  void send(PeerId peer, Frame::Type type, std::uint64_t room, std::uint64_t value, std::string text);
  void deliver(Time now);

  RoomSettings settings_;
  engine::Links links_;
  std::unordered_map<std::uint64_t, Room> rooms_;
  std::unordered_map<std::uint64_t, std::uint64_t> by_request_;  // request to room
  std::map<PeerId, Peer> peers_;
  std::vector<std::uint32_t> free_links_;
  std::uint32_t next_peer_ = 0;
  RoomDeadlines deadlines_;
  std::vector<engine::Message> arrived_;
  std::vector<Frame> frames_;
  std::vector<RoomAction> actions_;
};

class DecodeRooms {
 public:
  explicit DecodeRooms(const RoomSettings& settings) : settings_(settings) {}

  // A request has come and was accepted by the engine. False: this room is in use; the request must be refused.
  bool open(std::uint64_t room, const std::string& host, int port, RequestId request);
  // The engine has refused the request of this room, or its client has left.
  void give_up(std::uint64_t room, const std::string& why);
  void kv_reserved(RequestId request, Time now);

  void peer_connected(PeerId peer);
  void peer_bytes(PeerId peer, std::string_view bytes);
  void peer_gone(PeerId peer, const std::string& why);  // also when it could not be reached

  std::optional<Time> next() const { return deadlines_.next(); }
  void advance(Time now);
  void take_actions(std::vector<RoomAction>& out);

  bool empty() const { return rooms_.empty() && by_request_.empty(); }
  std::size_t peers() const { return peers_.size(); }  // connections stay open for later rooms

 private:
  struct Room {
    RequestId request;
    PeerId peer;
    bool reserved = false;
    Time deadline;
    std::optional<std::uint64_t> heard;  // of its peer when it came; none: the connection was not there yet
  };
  struct Peer {
    std::string host;
    int port = 0;
    bool connected = false;
    std::uint64_t heard = 0;  // how often bytes have come
    std::string waiting;      // frames until it is connected
    FrameReader reader;
  };

  PeerId peer_at(const std::string& host, int port);
  void send(PeerId peer, Frame::Type type, std::uint64_t room, std::string text);
  void fail(std::uint64_t number, const std::string& why);
  void take_frame(PeerId peer, const Frame& frame);
  void ask_again(std::uint64_t number, const std::string& host, int port);

  RoomSettings settings_;
  std::unordered_map<std::uint64_t, Room> rooms_;
  std::unordered_map<std::uint64_t, std::uint64_t> by_request_;
  std::map<PeerId, Peer> peers_;
  std::map<std::pair<std::string, int>, PeerId> by_place_;  // host and port
  std::uint32_t next_peer_ = 0;
  RoomDeadlines deadlines_;
  std::vector<Frame> frames_;
  std::vector<RoomAction> actions_;
};

}  // namespace infbench::live
