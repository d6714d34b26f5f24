#include "net/msgpack.h"

#include <bit>

namespace infbench::net {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<std::uint8_t>(c);
  return value;
}

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
}

std::int64_t sign_extended(std::uint64_t value, std::size_t bytes) {
  const auto unused = static_cast<unsigned>(64 - 8 * bytes);
  return static_cast<std::int64_t>(value << unused) >> unused;
}

}  // namespace

std::optional<std::uint64_t> MsgpackReader::take_big_endian(std::size_t bytes) {
  if (rest_.size() < 1 + bytes) return std::nullopt;
  const std::uint64_t value = big_endian(rest_.substr(1, bytes));
  rest_.remove_prefix(1 + bytes);
  return value;
}

std::optional<std::string_view> MsgpackReader::take_bytes(std::size_t head, std::uint64_t length) {
  if (rest_.size() < head || rest_.size() - head < length) return std::nullopt;
  const std::string_view bytes = rest_.substr(head, static_cast<std::size_t>(length));
  rest_.remove_prefix(head + bytes.size());
  return bytes;
}

// Arrays and maps: a short length in the head, or one of 2 or 4 bytes behind it.
std::optional<std::uint32_t> MsgpackReader::take_count(std::uint8_t fixed, std::uint8_t mask, std::uint8_t code16,
                                                       std::size_t bytes_each) {
  const std::string_view before = rest_;
  std::optional<std::uint64_t> count;
  if ((head() & ~mask) == fixed) {
    count = head() & mask;
    rest_.remove_prefix(1);
  } else if (head() == code16 || head() == code16 + 1) {
    count = take_big_endian(head() == code16 ? 2 : 4);
  }
  if (!count || *count > rest_.size() / bytes_each) {
    rest_ = before;
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*count);
}

std::optional<std::uint32_t> MsgpackReader::array() { return take_count(0x90, 0x0f, 0xdc, 1); }
std::optional<std::uint32_t> MsgpackReader::map() { return take_count(0x80, 0x0f, 0xde, 2); }

std::optional<std::uint64_t> MsgpackReader::whole() {
  const std::uint8_t code = head();
  if (code < 0x80 || code >= 0xe0) {
    const auto value = static_cast<std::int64_t>(static_cast<std::int8_t>(code));
    if (rest_.empty()) return std::nullopt;
    rest_.remove_prefix(1);
    return static_cast<std::uint64_t>(value);
  }
  if (code >= 0xcc && code <= 0xcf) return take_big_endian(std::size_t{1} << (code - 0xccU));
  if (code >= 0xd0 && code <= 0xd3) {
    const std::size_t bytes = std::size_t{1} << (code - 0xd0U);
    const auto value = take_big_endian(bytes);
    if (value) return static_cast<std::uint64_t>(sign_extended(*value, bytes));
  }
  return std::nullopt;
}

std::optional<std::int64_t> MsgpackReader::integer() {
  const bool above = head() == 0xcf && rest_.size() > 1 && (static_cast<std::uint8_t>(rest_[1]) & 0x80U) != 0;
  const auto value = above ? std::nullopt : whole();
  if (!value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> MsgpackReader::number() {
  if (head() == 0xcb) {
    const auto bits = take_big_endian(8);
    if (!bits) return std::nullopt;
    return std::bit_cast<double>(*bits);
  }
  if (head() == 0xca) {
    const auto bits = take_big_endian(4);
    if (!bits) return std::nullopt;
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(*bits)));
  }
  const auto value = integer();
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<std::string_view> MsgpackReader::text() {
  const std::uint8_t code = head();
  if ((code & 0xe0U) == 0xa0) return take_bytes(1, code & 0x1fU);
  if (code < 0xd9 || code > 0xdb) return std::nullopt;
  const std::size_t bytes = std::size_t{1} << (code - 0xd9U);
  if (rest_.size() < 1 + bytes) return std::nullopt;
  return take_bytes(1 + bytes, big_endian(rest_.substr(1, bytes)));
}

std::optional<std::string_view> MsgpackReader::binary() {
  const std::uint8_t code = head();
  if (code < 0xc4 || code > 0xc6) return std::nullopt;
  const std::size_t bytes = std::size_t{1} << (code - 0xc4U);
  if (rest_.size() < 1 + bytes) return std::nullopt;
  return take_bytes(1 + bytes, big_endian(rest_.substr(1, bytes)));
}

bool MsgpackReader::nil() {
  if (head() != 0xc0) return false;
  rest_.remove_prefix(1);
  return true;
}

// Counts values that are still to come in place of going down into them.
bool MsgpackReader::skip() {
  for (std::uint64_t open = 1; open > 0; --open) {
    if (const auto items = array()) {
      open += *items;
      continue;
    }
    if (const auto pairs = map()) {
      open += 2 * std::uint64_t{*pairs};
      continue;
    }
    if (nil() || text() || binary() || whole() || number()) continue;
    const std::uint8_t code = head();
    const bool truth = code == 0xc2 || code == 0xc3;
    if (!truth || rest_.empty()) return false;  // extension types are in no message that we know
    rest_.remove_prefix(1);
  }
  return true;
}

void msgpack_array(std::string& out, std::uint32_t length) {
  if (length < 16) {
    out += static_cast<char>(0x90U | length);
  } else {
    out += '\xdd';
    append_big_endian(out, length, 4);
  }
}

void msgpack_integer(std::string& out, std::uint64_t value) {
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else {
    out += '\xcf';
    append_big_endian(out, value, 8);
  }
}

void msgpack_float(std::string& out, double value) {
  out += '\xcb';
  append_big_endian(out, std::bit_cast<std::uint64_t>(value), 8);
}

void msgpack_text(std::string& out, std::string_view text) {
  if (text.size() < 32) {
    out += static_cast<char>(0xa0U | text.size());
  } else {
    out += '\xdb';
    append_big_endian(out, text.size(), 4);
  }
  out += text;
}

void msgpack_nil(std::string& out) { out += '\xc0'; }

}  // namespace infbench::net
