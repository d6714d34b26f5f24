#include <algorithm>

#include "live/serve_room.h"

namespace infbench::live {

using What = RoomAction::What;

PeerId DecodeRooms::peer_at(const std::string& host, int port) {
  const std::pair<std::string, int> place{host, port};
  const auto found = by_place_.find(place);
  if (found != by_place_.end()) return found->second;
  const PeerId peer{next_peer_++};
  by_place_[place] = peer;
  Peer& made = peers_[peer];
  made.host = host;
  made.port = port;
  append_frame(made.waiting, hello_frame());
  actions_.push_back({.what = What::connect, .request = {}, .peer = peer, .frame = {}, .text = host, .port = port});
  return peer;
}

// Until the connection is there frames are only counted out in order: they follow the hello.
void DecodeRooms::send(PeerId peer, Frame::Type type, std::uint64_t room, std::string text) {
  Frame frame{.type = type, .room = room, .value = 0, .text = std::move(text)};
  Peer& to = peers_.at(peer);
  if (!to.connected) {
    append_frame(to.waiting, frame);
    return;
  }
  actions_.push_back({.what = What::send, .request = {}, .peer = peer, .frame = std::move(frame), .text = {}});
}

bool DecodeRooms::open(std::uint64_t number, const std::string& host, int port, RequestId request) {
  if (rooms_.count(number) > 0) return false;
  const PeerId peer = peer_at(host, port);
  const Peer& to = peers_.at(peer);
  rooms_[number] = {.request = request,
                    .peer = peer,
                    .reserved = false,
                    .deadline = kNever,
                    .heard = to.connected ? std::optional(to.heard) : std::nullopt};
  by_request_[request.value] = number;
  return true;
}

void DecodeRooms::give_up(std::uint64_t number, const std::string& why) {
  const auto found = rooms_.find(number);
  if (found == rooms_.end()) return;  // its KV is here
  send(found->second.peer, Frame::Type::leave, number, why);
  by_request_.erase(found->second.request.value);
  rooms_.erase(found);
}

void DecodeRooms::kv_reserved(RequestId request, Time now) {
  const auto found = by_request_.find(request.value);
  if (found == by_request_.end()) return;
  Room& room = rooms_.at(found->second);
  room.reserved = true;
  room.deadline = now + settings_.timeout;
  deadlines_.add(found->second, room.deadline);
  send(room.peer, Frame::Type::reserve, found->second, {});
}

void DecodeRooms::fail(std::uint64_t number, const std::string& why) {
  const auto found = rooms_.find(number);
  if (found == rooms_.end()) return;
  const RequestId request = found->second.request;
  by_request_.erase(request.value);
  rooms_.erase(found);
  actions_.push_back({.what = What::fail, .request = request, .peer = {}, .frame = {}, .text = why});
}

// ---- From the peers

void DecodeRooms::peer_connected(PeerId peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  Peer& to = found->second;
  to.connected = true;
  // The frames that have waited, as they are.
  FrameReader reader;
  frames_.clear();
  reader.feed(to.waiting, frames_);
  to.waiting.clear();
  actions_.push_back({.what = What::send, .request = {}, .peer = peer, .frame = hello_frame(), .text = {}});
  for (Frame& frame : frames_) {
    actions_.push_back({.what = What::send, .request = {}, .peer = peer, .frame = std::move(frame), .text = {}});
  }
}

void DecodeRooms::peer_bytes(PeerId peer, std::string_view bytes) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  frames_.clear();
  ++found->second.heard;
  const bool good = found->second.reader.feed(bytes, frames_);
  for (const Frame& frame : frames_) take_frame(peer, frame);
  if (good) return;
  actions_.push_back({.what = What::close, .request = {}, .peer = peer, .frame = {}, .text = {}});
  peer_gone(peer, "its bootstrap port does not speak this protocol");
}

void DecodeRooms::take_frame(PeerId peer, const Frame& frame) {
  const auto found = rooms_.find(frame.room);
  if (found == rooms_.end() || found->second.peer != peer) return;  // given up meanwhile
  const Room room = found->second;
  if (frame.type == Frame::Type::leave) {
    fail(frame.room, frame.text);
  } else if (frame.type == Frame::Type::arrived && room.reserved) {
    by_request_.erase(room.request.value);
    rooms_.erase(found);
    actions_.push_back({.what = What::kv_arrived,
                        .request = room.request,
                        .peer = {},
                        .cached = static_cast<Tokens>(frame.value),
                        .frame = {},
                        .text = {}});
  }
}

void DecodeRooms::peer_gone(PeerId peer, const std::string& why) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  const Peer gone = std::move(found->second);
  by_place_.erase({gone.host, gone.port});
  peers_.erase(found);
  std::vector<std::uint64_t> lost;
  for (const auto& [number, room] : rooms_) {
    if (room.peer == peer) lost.push_back(number);
  }
  std::sort(lost.begin(), lost.end());  // so that what follows has one order
  const std::string cause = "the prefill worker at " + gone.host + ":" + std::to_string(gone.port) + " is lost: " + why;
  for (const std::uint64_t number : lost) {
    if (rooms_.at(number).heard == gone.heard) {
      ask_again(number, gone.host, gone.port);
    } else {
      fail(number, cause);
    }
  }
}

// The connection was kept from an earlier room and nothing has come on it since this one: the prefill worker may have been
// started anew meanwhile. Once more, over a new connection.
void DecodeRooms::ask_again(std::uint64_t number, const std::string& host, int port) {
  Room& room = rooms_.at(number);
  room.peer = peer_at(host, port);
  room.heard.reset();
  if (room.reserved) send(room.peer, Frame::Type::reserve, number, {});
}

// ---- Time

void DecodeRooms::advance(Time now) {
  while (const auto due = deadlines_.take(now)) {
    const auto found = rooms_.find(due->room);
    if (found == rooms_.end() || found->second.deadline != due->at) continue;
    const std::string why = "the KV of this bootstrap room has not come in time";
    send(found->second.peer, Frame::Type::leave, due->room, why);
    fail(due->room, why);
  }
}

void DecodeRooms::take_actions(std::vector<RoomAction>& out) {
  out.clear();
  out.swap(actions_);
}

}  // namespace infbench::live
