// MessagePack: a reader that walks over a message without keeping it, and what it takes to write the messages we send. Pure.
//
// Debian's library for it cannot be installed beside the Asio that we use (both bring a Boost, and these conflict).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace infbench::net {

// Reads value by value. Every function gives nothing, and changes nothing, if something else or nothing stands there. Lengths
// are checked against the bytes that are left, so no message makes its reader allocate or loop more than it is long.
class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::uint32_t> array();    // its length; its items follow
  std::optional<std::uint32_t> map();      // its pairs; keys and values follow
  std::optional<std::int64_t> integer();   // signed ones and those below 2^63
  std::optional<std::uint64_t> whole();    // any integer, negative ones as two's complement
  std::optional<double> number();          // a float or an integer
  std::optional<std::string_view> text();  // UTF-8 is not checked
  std::optional<std::string_view> binary();
  bool nil();   // true: it stood there
  bool skip();  // any value, with all that is in it; false: the bytes end, or nested too deep
  bool at_end() const { return rest_.empty(); }

 private:
  std::uint8_t head() const { return rest_.empty() ? 0xc1 : static_cast<std::uint8_t>(rest_.front()); }  // 0xc1: never used
  std::optional<std::uint64_t> take_big_endian(std::size_t bytes);                                       // behind the head
  std::optional<std::string_view> take_bytes(std::size_t head, std::uint64_t length);
  std::optional<std::uint32_t> take_count(std::uint8_t fixed, std::uint8_t mask, std::uint8_t code16, std::size_t bytes_each);

  std::string_view rest_;
};

void msgpack_array(std::string& out, std::uint32_t length);
void msgpack_integer(std::string& out, std::uint64_t value);
void msgpack_float(std::string& out, double value);
void msgpack_text(std::string& out, std::string_view text);
void msgpack_nil(std::string& out);

}  // namespace infbench::net
