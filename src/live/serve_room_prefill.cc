#include <algorithm>

#include "live/serve_room.h"

namespace infbench::live {

using What = RoomAction::What;

namespace {

constexpr WorkerId kHere{0};  // in links_; the peers follow

std::vector<std::int32_t> nodes() {
  std::vector<std::int32_t> nodes(PrefillRooms::kPeersMax + 1, 1);
  nodes[kHere.value] = 0;  // every peer is across the network
  return nodes;
}

}  // namespace

PrefillRooms::PrefillRooms(const RoomSettings& settings) : settings_(settings), links_(nodes(), settings.link, settings.link) {
  for (std::uint32_t link = kPeersMax; link > 0; --link) free_links_.push_back(link);
}

PrefillRooms::Room& PrefillRooms::room_of(std::uint64_t number, Time now) {
  const auto [found, is_new] = rooms_.try_emplace(number);
  if (is_new) {
    found->second.deadline = now + settings_.timeout;
    deadlines_.add(number, found->second.deadline);
  }
  return found->second;
}

bool PrefillRooms::open(std::uint64_t number, RequestId request, Time now) {
  Room& room = room_of(number, now);
  if (room.request) return false;
  room.request = request;
  if (room.given_up) {
    fail(number, room.why, false);
    return true;
  }
  by_request_[request.value] = number;
  begin_if_both(room);
  return true;
}

void PrefillRooms::begin_if_both(Room& room) {
  if (!room.request || !room.peer) return;
  room.link = peers_.at(*room.peer).link;
  actions_.push_back({.what = What::room_ready, .request = *room.request, .peer = {}, .frame = {}, .text = {}});
}

void PrefillRooms::give_up(std::uint64_t number, const std::string& why) {
  const auto found = rooms_.find(number);
  if (found == rooms_.end()) return;  // its KV has gone over
  Room& room = found->second;
  if (room.request) by_request_.erase(room.request->value);
  if (room.peer) {
    send(*room.peer, Frame::Type::leave, number, 0, why);
    rooms_.erase(number);
    return;
  }
  room.request.reset();
  room.given_up = true;
  room.why = why;
}

// The request that is here fails; the peer is told unless it is the one who said so.
void PrefillRooms::fail(std::uint64_t number, const std::string& why, bool tell_peer) {
  const Room room = rooms_.at(number);
  if (room.peer && tell_peer) send(*room.peer, Frame::Type::leave, number, 0, why);
  if (room.request) {
    actions_.push_back({.what = What::fail, .request = *room.request, .peer = {}, .frame = {}, .text = why});
  }
  erase(number);
}

void PrefillRooms::erase(std::uint64_t number) {
  const auto found = rooms_.find(number);
  if (found->second.request) by_request_.erase(found->second.request->value);
  rooms_.erase(found);
}

void PrefillRooms::send(PeerId peer, Frame::Type type, std::uint64_t room, std::uint64_t value, std::string text) {
  actions_.push_back({.what = What::send,
                      .request = {},
                      .peer = peer,
                      .frame = {.type = type, .room = room, .value = value, .text = std::move(text)},
                      .text = {}});
}

// ---- From the engine

void PrefillRooms::kv_ready(RequestId request, Tokens from, Tokens to, bool last, Time due) {
  const auto found = by_request_.find(request.value);
  if (found == by_request_.end()) return;
  const Room& room = rooms_.at(found->second);
  links_.send({.what = last ? engine::Message::What::kv_end : engine::Message::What::kv,
               .request = request,
               .from = kHere,
               .to = {room.link}},
              (to - from) * settings_.kv_per_token_per_gpu, due);
}

void PrefillRooms::first_token(RequestId request, Tokens cached) {
  const auto found = by_request_.find(request.value);
  if (found != by_request_.end()) rooms_.at(found->second).cached = cached;
}

// ---- From the peers

std::optional<PeerId> PrefillRooms::peer_came() {
  if (free_links_.empty()) return std::nullopt;
  const PeerId peer{next_peer_++};
  peers_[peer].link = free_links_.back();
  free_links_.pop_back();
  actions_.push_back({.what = What::send, .request = {}, .peer = peer, .frame = hello_frame(), .text = {}});
  return peer;
}

void PrefillRooms::peer_bytes(PeerId peer, std::string_view bytes, Time now) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  frames_.clear();
  const bool good = found->second.reader.feed(bytes, frames_);
  for (const Frame& frame : frames_) {
    if (frame.type == Frame::Type::reserve) {
      reserve(peer, frame.room, now);
    } else if (frame.type == Frame::Type::leave) {
      Room& room = room_of(frame.room, now);
      if (room.request) {
        fail(frame.room, frame.text, false);
      } else {
        room.peer.reset();
        room.given_up = true;
        room.why = frame.text;
      }
    }
  }
  if (good) return;
  actions_.push_back({.what = What::close, .request = {}, .peer = peer, .frame = {}, .text = {}});
  peer_gone(peer, now);
}

void PrefillRooms::reserve(PeerId peer, std::uint64_t number, Time now) {
  Room& room = room_of(number, now);
  if (room.given_up) {
    send(peer, Frame::Type::leave, number, 0, room.why);
    erase(number);
    return;
  }
  if (room.peer) {
    if (*room.peer != peer) send(peer, Frame::Type::leave, number, 0, "this bootstrap room is in use");
    return;
  }
  room.peer = peer;
  begin_if_both(room);
}

void PrefillRooms::peer_gone(PeerId peer, Time now) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  free_links_.push_back(found->second.link);
  peers_.erase(found);
  std::vector<std::uint64_t> lost;
  for (const auto& [number, room] : rooms_) {
    if (room.peer == peer) lost.push_back(number);
  }
  std::sort(lost.begin(), lost.end());  // so that what follows has one order
  const std::string why = "the connection to the decode worker is lost";
  for (const std::uint64_t number : lost) {
    const bool had_request = rooms_.at(number).request.has_value();
    fail(number, why, false);
    if (!had_request) continue;
    Room& room = room_of(number, now);  // the decode worker may ask again, over a new connection
    room.given_up = true;
    room.why = why;
  }
}

// ---- Time

std::optional<Time> PrefillRooms::next() const {
  auto next = deadlines_.next();
  if (const auto arrival = links_.next()) {
    const Time real = settings_.clock.instant ? settings_.clock.start : settings_.clock.to_real(*arrival);
    next = std::min(next.value_or(kNever), real);
  }
  return next;
}

void PrefillRooms::advance(Time now) {
  deliver(now);
  while (const auto due = deadlines_.take(now)) {
    const auto found = rooms_.find(due->room);
    if (found == rooms_.end() || found->second.deadline != due->at) continue;
    const Room& room = found->second;
    if (room.request && room.peer) continue;  // under way: the engine will get there
    fail(due->room,
         room.request ? "no decode worker has come for this bootstrap room in time"
                      : "no request has come to the prefill worker for this bootstrap room in time",
         true);
  }
}

void PrefillRooms::deliver(Time now) {
  arrived_.clear();
  links_.advance(settings_.clock.instant ? kNever : settings_.clock.to_model(now), arrived_);
  for (const engine::Message& message : arrived_) {
    if (message.what != engine::Message::What::kv_end) continue;
    const auto found = by_request_.find(message.request.value);
    if (found == by_request_.end()) continue;
    const std::uint64_t number = found->second;
    const Room room = rooms_.at(number);
    actions_.push_back({.what = What::kv_sent, .request = message.request, .peer = {}, .frame = {}, .text = {}});
    send(*room.peer, Frame::Type::arrived, number, static_cast<std::uint64_t>(room.cached), {});
    erase(number);
  }
}

void PrefillRooms::take_actions(std::vector<RoomAction>& out) {
  out.clear();
  out.swap(actions_);
}

}  // namespace infbench::live
