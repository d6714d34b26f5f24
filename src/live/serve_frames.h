// Frames: what prefill and decode workers say to each other over the bootstrap port. Bytes to frames and back; no I/O.
//
// A frame is a head of 21 bytes, then `size` bytes of text: type (1), room (8), value (8), size (4); integers are unsigned and
// little-endian. The first frame of each direction is a hello whose room is kMagic and whose value is the version. A reader
// that has met a wrong frame stays broken: the connection must be closed. Values; one owner, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace infbench::live {

struct Frame {
  enum class Type : std::uint8_t {
    hello = 1,
    reserve = 2,  // decode -> prefill: room for the KV of `room` is set aside
    arrived = 3,  // prefill -> decode: the last byte of its KV is due now; value: prompt tokens that came from the prefix cache
    leave = 4     // either: `room` is given up, the text says why
  };
  static constexpr std::uint64_t kMagic = 0x62696e666b760a01ULL;
  static constexpr std::uint64_t kVersion = 1;
  static constexpr std::size_t kHeadBytes = 21;
  static constexpr std::size_t kTextMax = 4096;

  Type type = Type::hello;
  std::uint64_t room = 0;
  std::uint64_t value = 0;
  std::string text;

  friend bool operator==(const Frame&, const Frame&) = default;
};

inline Frame hello_frame() { return {.type = Frame::Type::hello, .room = Frame::kMagic, .value = Frame::kVersion, .text = {}}; }

// Texts above kTextMax are cut.
void append_frame(std::string& out, const Frame& frame);

class FrameReader {
 public:
  // Appends the frames that end in `bytes`, without the hello. False, from then on always, when the peer does not speak this.
  bool feed(std::string_view bytes, std::vector<Frame>& out);

 private:
  bool take(const Frame& frame, std::vector<Frame>& out);

  std::string rest_;
  bool greeted_ = false;
  bool broken_ = false;
};

}  // namespace infbench::live
