#include "live/serve_room.h"

#include <gtest/gtest.h>

namespace infbench::live {
namespace {

using What = RoomAction::What;

constexpr RequestId kRequest{5};
constexpr std::uint64_t kRoom = 0xFFFF'FFFF'FFFF'0001ULL;

Time at_ms(std::int64_t ms) { return Time{} + milliseconds(ms); }

std::string bytes_of(const std::vector<Frame>& frames) {
  std::string out;
  for (const Frame& frame : frames) append_frame(out, frame);
  return out;
}

Frame reserve(std::uint64_t room) { return {.type = Frame::Type::reserve, .room = room, .value = 0, .text = {}}; }
Frame leave(std::uint64_t room, std::string why) {
  return {.type = Frame::Type::leave, .room = room, .value = 0, .text = std::move(why)};
}
Frame arrived(std::uint64_t room, std::uint64_t cached) {
  return {.type = Frame::Type::arrived, .room = room, .value = cached, .text = {}};
}

// One word for each action: "ready 5", "send leave".
template <typename Rooms>
std::vector<std::string> told(Rooms& rooms) {
  std::vector<RoomAction> actions;
  rooms.take_actions(actions);
  std::vector<std::string> out;
  for (const RoomAction& a : actions) {
    static constexpr const char* kFrames[] = {"?", "hello", "reserve", "arrived", "leave"};
    const std::string request = std::to_string(a.request.value);
    switch (a.what) {
      case What::room_ready: out.push_back("ready " + request); break;
      case What::kv_sent: out.push_back("sent " + request); break;
      case What::kv_arrived: out.push_back("arrived " + request + " cached " + std::to_string(a.cached)); break;
      case What::fail: out.push_back("fail " + request); break;
      case What::send: out.push_back(std::string("send ") + kFrames[static_cast<int>(a.frame.type)]); break;
      case What::connect: out.push_back("connect " + a.text + ":" + std::to_string(a.port)); break;
      case What::close: out.push_back("close"); break;
    }
  }
  return out;
}

using Told = std::vector<std::string>;

TEST(Frames, ComeBackWhateverThePieces) {
  const std::vector<Frame> frames{reserve(kRoom), arrived(7, 1'000'000), leave(8, "why not")};
  std::vector<Frame> all{hello_frame()};
  all.insert(all.end(), frames.begin(), frames.end());
  const std::string bytes = bytes_of(all);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader;
    std::vector<Frame> out;
    for (std::size_t at = 0; at < bytes.size(); at += piece) ASSERT_TRUE(reader.feed(bytes.substr(at, piece), out));
    EXPECT_EQ(out, frames) << piece;
  }
}

TEST(Frames, AStrangerIsFoundOut) {
  const std::string hello = bytes_of({hello_frame()});
  std::string unknown_type = hello + bytes_of({reserve(1)});
  unknown_type[Frame::kHeadBytes] = 9;
  std::string too_long = hello + bytes_of({reserve(1)});
  too_long[Frame::kHeadBytes + 20] = 1;
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nhost: x\r\n\r\n"), bytes_of({reserve(1)}), hello + hello, unknown_type, too_long}) {
    FrameReader reader;
    std::vector<Frame> out;
    EXPECT_FALSE(reader.feed(bytes, out));
    EXPECT_TRUE(out.empty());
    EXPECT_FALSE(reader.feed(hello, out));
  }
}

TEST(Frames, LongTextsAreCut) {
  FrameReader reader;
  std::vector<Frame> out;
  ASSERT_TRUE(reader.feed(bytes_of({hello_frame(), leave(1, std::string(100'000, 'x'))}), out));
  EXPECT_EQ(out.at(0).text.size(), Frame::kTextMax);
}

class PrefillRoomsTest : public ::testing::Test {
 protected:
  PrefillRoomsTest() {
    peer = *rooms.peer_came();
    EXPECT_EQ(told(rooms), Told{"send hello"});
    say({hello_frame()}, Time{});
  }
  void say(const std::vector<Frame>& frames, Time now) { rooms.peer_bytes(peer, bytes_of(frames), now); }

  PrefillRooms rooms{{.timeout = seconds(10),
                      .link = {.bytes_per_s = 1'000'000, .latency = microseconds(10)},
                      .kv_per_token_per_gpu = 1'000,
                      .clock = {}}};
  PeerId peer;
};

TEST_F(PrefillRoomsTest, HandsOverWhoeverComesFirst) {
  for (const bool decode_first : {true, false}) {
    const std::int64_t t = decode_first ? 0 : 1'000;
    if (decode_first) say({reserve(kRoom)}, at_ms(t));
    EXPECT_TRUE(rooms.open(kRoom, kRequest, at_ms(t + 1)));
    if (!decode_first) say({reserve(kRoom)}, at_ms(t + 2));
    EXPECT_EQ(told(rooms), Told{"ready 5"});
    rooms.kv_ready(kRequest, 0, 10, false, at_ms(t + 100));
    rooms.first_token(kRequest, 4);
    rooms.kv_ready(kRequest, 10, 30, true, at_ms(t + 105));
    // 10 tokens take 10 ms and the rest 20; for 10 ms they share the link: 115 and 130 ms, and the latency.
    EXPECT_EQ(rooms.next(), at_ms(t + 115) + microseconds(10));
    rooms.advance(at_ms(t + 130));
    EXPECT_EQ(told(rooms), Told{});
    rooms.advance(at_ms(t + 131));
    EXPECT_EQ(told(rooms), (Told{"sent 5", "send arrived"}));
    EXPECT_EQ(rooms.rooms(), 0U);
  }
  rooms.peer_gone(peer, at_ms(1));
  EXPECT_TRUE(rooms.empty());
}

TEST_F(PrefillRoomsTest, EachHalfWaitsOnlySoLong) {
  EXPECT_TRUE(rooms.open(1, kRequest, at_ms(0)));
  say({reserve(2)}, at_ms(1'000));
  EXPECT_EQ(rooms.next(), at_ms(10'000));
  rooms.advance(at_ms(10'000));
  EXPECT_EQ(told(rooms), Told{"fail 5"});
  rooms.advance(at_ms(11'000));
  EXPECT_EQ(told(rooms), Told{"send leave"});
  EXPECT_EQ(rooms.rooms(), 0U);
  EXPECT_EQ(rooms.next(), std::nullopt);
}

TEST_F(PrefillRoomsTest, ARoomUnderWayHasNoTimeOut) {
  EXPECT_TRUE(rooms.open(1, kRequest, at_ms(0)));
  say({reserve(1)}, at_ms(1));
  told(rooms);
  rooms.advance(at_ms(60'000));
  EXPECT_EQ(told(rooms), Told{});
  EXPECT_EQ(rooms.rooms(), 1U);
}

TEST_F(PrefillRoomsTest, EitherSideMayGiveUpAtAnyMoment) {
  // Here, before the other side has come: it is told when it comes.
  rooms.open(1, {1}, at_ms(0));
  rooms.give_up(1, "refused");
  say({reserve(1)}, at_ms(1));
  EXPECT_EQ(told(rooms), Told{"send leave"});
  // Here, afterwards.
  rooms.open(2, {2}, at_ms(0));
  say({reserve(2)}, at_ms(1));
  rooms.give_up(2, "the client has left");
  EXPECT_EQ(told(rooms), (Told{"ready 2", "send leave"}));
  // There, before a request has come here: it fails at once.
  say({leave(3, "refused")}, at_ms(1));
  EXPECT_TRUE(rooms.open(3, {3}, at_ms(2)));
  EXPECT_EQ(told(rooms), Told{"fail 3"});
  // There, afterwards.
  rooms.open(4, {4}, at_ms(2));
  say({reserve(4), leave(4, "the client has left")}, at_ms(3));
  EXPECT_EQ(told(rooms), (Told{"ready 4", "fail 4"}));
  EXPECT_EQ(rooms.rooms(), 0U);
  // KV that was under way comes to nobody.
  rooms.open(5, {5}, at_ms(3));
  say({reserve(5)}, at_ms(3));
  rooms.kv_ready({5}, 0, 10, true, at_ms(4));
  say({leave(5, "the client has left")}, at_ms(5));
  told(rooms);
  rooms.advance(at_ms(9'000));
  EXPECT_EQ(told(rooms), Told{});
  EXPECT_EQ(rooms.rooms(), 0U);
}

TEST_F(PrefillRoomsTest, ALostPeerFailsItsRequestsOnly) {
  const PeerId other = *rooms.peer_came();
  rooms.peer_bytes(other, bytes_of({hello_frame(), reserve(2)}), at_ms(0));
  rooms.open(1, {1}, at_ms(0));
  rooms.open(2, {2}, at_ms(0));
  say({reserve(1)}, at_ms(0));
  told(rooms);
  rooms.peer_gone(peer, at_ms(1));
  EXPECT_EQ(told(rooms), Told{"fail 1"});
  // What it asks for over a new connection has no future, and it need not wait to learn so.
  peer = *rooms.peer_came();
  say({hello_frame(), reserve(1)}, at_ms(1));
  EXPECT_EQ(told(rooms), (Told{"send hello", "send leave"}));
  EXPECT_EQ(rooms.rooms(), 1U);
  rooms.peer_gone(peer, at_ms(1));
  rooms.peer_bytes(other, "what is this? what is this? what is this?", at_ms(1));
  EXPECT_EQ(told(rooms), (Told{"close", "fail 2"}));
  rooms.advance(at_ms(9'000'000));
  EXPECT_TRUE(rooms.empty());
}

TEST_F(PrefillRoomsTest, ARoomTakesTwo) {
  EXPECT_TRUE(rooms.open(1, {1}, at_ms(0)));
  EXPECT_FALSE(rooms.open(1, {2}, at_ms(0)));
  say({reserve(1)}, at_ms(0));
  const PeerId other = *rooms.peer_came();
  told(rooms);
  rooms.peer_bytes(other, bytes_of({hello_frame(), reserve(1)}), at_ms(0));
  EXPECT_EQ(told(rooms), Told{"send leave"});
  EXPECT_EQ(rooms.rooms(), 1U);
}

TEST(PrefillRooms, TakesOnlySoManyPeers) {
  PrefillRooms rooms({});
  std::vector<PeerId> peers;
  for (std::size_t i = 0; i < PrefillRooms::kPeersMax; ++i) peers.push_back(*rooms.peer_came());
  EXPECT_EQ(rooms.peer_came(), std::nullopt);
  rooms.peer_gone(peers[3], at_ms(1));
  EXPECT_NE(rooms.peer_came(), std::nullopt);
}

class DecodeRoomsTest : public ::testing::Test {
 protected:
  void open(std::uint64_t room, RequestId request) { EXPECT_TRUE(rooms.open(room, "p", 7200, request)); }
  void greet(PeerId peer) {
    rooms.peer_connected(peer);
    rooms.peer_bytes(peer, bytes_of({hello_frame()}));
  }
  DecodeRooms rooms{{.timeout = seconds(10), .kv_per_token_per_gpu = 1, .clock = {}}};
};

TEST_F(DecodeRoomsTest, ConnectsOnceAndHandsOver) {
  open(1, {1});
  open(2, {2});
  EXPECT_EQ(told(rooms), Told{"connect p:7200"});
  rooms.kv_reserved({1}, at_ms(0));
  EXPECT_EQ(told(rooms), Told{});  // not connected yet
  greet({0});
  EXPECT_EQ(told(rooms), (Told{"send hello", "send reserve"}));
  rooms.kv_reserved({2}, at_ms(1));
  EXPECT_EQ(told(rooms), Told{"send reserve"});
  rooms.peer_bytes({0}, bytes_of({arrived(2, 48), arrived(1, 0), arrived(99, 0)}));
  EXPECT_EQ(told(rooms), (Told{"arrived 2 cached 48", "arrived 1 cached 0"}));
  EXPECT_TRUE(rooms.empty());
  rooms.advance(at_ms(20'000));
  EXPECT_EQ(told(rooms), Told{});
  EXPECT_EQ(rooms.next(), std::nullopt);
}

TEST_F(DecodeRoomsTest, KvThatWasNotAskedForIsNotBelieved) {
  open(1, {1});
  greet({0});
  told(rooms);
  rooms.peer_bytes({0}, bytes_of({arrived(1, 0)}));
  EXPECT_EQ(told(rooms), Told{});
  rooms.kv_reserved({1}, at_ms(0));
  EXPECT_EQ(told(rooms), Told{"send reserve"});
}

TEST_F(DecodeRoomsTest, EveryEndLeavesNothing) {
  open(1, {1});
  open(2, {2});
  open(3, {3});
  open(4, {4});
  greet({0});
  rooms.kv_reserved({1}, at_ms(0));
  rooms.kv_reserved({2}, at_ms(0));
  told(rooms);
  rooms.give_up(1, "the client has left");
  EXPECT_EQ(told(rooms), Told{"send leave"});
  rooms.peer_bytes({0}, bytes_of({leave(3, "refused")}));
  EXPECT_EQ(told(rooms), Told{"fail 3"});
  rooms.advance(at_ms(10'000));
  EXPECT_EQ(told(rooms), (Told{"send leave", "fail 2"}));
  rooms.peer_gone({0}, "closed");
  EXPECT_EQ(told(rooms), Told{"fail 4"});
  EXPECT_TRUE(rooms.empty());
  EXPECT_EQ(rooms.peers(), 0U);
  open(5, {5});  // connects anew
  EXPECT_EQ(told(rooms), Told{"connect p:7200"});
  rooms.peer_gone({1}, "refused");
  EXPECT_EQ(told(rooms), Told{"fail 5"});
}

TEST_F(DecodeRoomsTest, AKeptConnectionThatHadDiedUnnoticedCostsNoRoom) {
  open(1, {1});
  greet({0});
  rooms.kv_reserved({1}, at_ms(0));
  rooms.peer_bytes({0}, bytes_of({arrived(1, 0)}));
  open(2, {2});  // reserved by the time it is known
  open(3, {3});  // not yet
  rooms.kv_reserved({2}, at_ms(5'000));
  told(rooms);
  rooms.peer_gone({0}, "Connection reset by peer");
  EXPECT_EQ(told(rooms), Told{"connect p:7200"});
  greet({1});
  EXPECT_EQ(told(rooms), (Told{"send hello", "send reserve"}));
  rooms.kv_reserved({3}, at_ms(5'001));
  EXPECT_EQ(told(rooms), Told{"send reserve"});
  rooms.peer_bytes({1}, bytes_of({arrived(2, 0)}));
  EXPECT_EQ(told(rooms), Told{"arrived 2 cached 0"});
  rooms.peer_gone({1}, "closed");  // once only
  EXPECT_EQ(told(rooms), Told{"fail 3"});
  EXPECT_TRUE(rooms.empty());
}

TEST_F(DecodeRoomsTest, ARoomTakesOneRequest) {
  open(1, {1});
  EXPECT_FALSE(rooms.open(1, "p", 7200, {2}));
}

}  // namespace
}  // namespace infbench::live
