#include "live/serve_frames.h"

#include <algorithm>

namespace infbench::live {
namespace {

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFFU);
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)])} << (8 * i);
  }
  return value;
}

}  // namespace

void append_frame(std::string& out, const Frame& frame) {
  const std::string_view text = std::string_view(frame.text).substr(0, Frame::kTextMax);
  append_number(out, static_cast<std::uint64_t>(frame.type), 1);
  append_number(out, frame.room, 8);
  append_number(out, frame.value, 8);
  append_number(out, text.size(), 4);
  out += text;
}

bool FrameReader::feed(std::string_view bytes, std::vector<Frame>& out) {
  if (broken_) return false;
  rest_ += bytes;
  std::string_view left = rest_;
  while (!broken_ && left.size() >= Frame::kHeadBytes) {
    const std::uint64_t size = number_at(left, 17, 4);
    if (size > Frame::kTextMax) {
      broken_ = true;
      break;
    }
    if (left.size() < Frame::kHeadBytes + size) break;
    const Frame frame{.type = static_cast<Frame::Type>(left[0]),
                      .room = number_at(left, 1, 8),
                      .value = number_at(left, 9, 8),
                      .text = std::string(left.substr(Frame::kHeadBytes, size))};
    broken_ = !take(frame, out);
    left.remove_prefix(Frame::kHeadBytes + size);
  }
  rest_.erase(0, rest_.size() - left.size());
  return !broken_;
}

bool FrameReader::take(const Frame& frame, std::vector<Frame>& out) {
  if (!greeted_) {
    greeted_ = true;
    return frame == hello_frame();
  }
  if (frame.type < Frame::Type::reserve || frame.type > Frame::Type::leave) return false;
  out.push_back(frame);
  return true;
}

}  // namespace infbench::live
