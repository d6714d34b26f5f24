// JsonWriter: writes one JSON document (RFC 8259) after another into a string, piece by piece, in the order of the calls.
//
// The caller owns the string and may empty it between two calls (to stream into a file). One writer, one thread. The same calls
// give the same bytes on every machine. A value where a key is due, an unbalanced end_*() and the like are our own bugs and
// checked.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace infbench {

class JsonWriter {
 public:
  // compact: one line, no spaces. pretty: two spaces per level, as Python's json.dumps(indent=2) writes.
  enum class Style : std::uint8_t { compact, pretty };

  explicit JsonWriter(std::string& out, Style style = Style::compact) : out_(out), style_(style) {}

  void begin_object() { open('{', true); }
  void end_object() { close('}', true); }
  void begin_array() { open('[', false); }
  void end_array() { close(']', false); }
  void key(std::string_view name);

  // Escaped as needed; each malformed UTF-8 sequence becomes U+FFFD.
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  // The shortest decimal that reads back as the same double, always with a point or an exponent ("29.0"), so that typed readers
  // see a float; NaN and infinities become null.
  void value(double number);
  void value(bool truth);
  template <std::integral T>
  requires(!std::same_as<T, bool>) void value(T number) {
    if constexpr (std::signed_integral<T>) {
      write_signed(number);
    } else {
      write_unsigned(number);
    }
  }
  void null();
  // A value that is JSON already, as it is.
  void raw(std::string_view json) {
    before_value();
    out_ += json;
  }
  template <typename T>
  void value(const std::optional<T>& maybe) {
    if (maybe.has_value()) {
      value(*maybe);
    } else {
      null();
    }
  }

  template <typename T>
  void member(std::string_view name, const T& content) {
    key(name);
    value(content);
  }

  // Between two documents: true when nothing is open.
  bool complete() const { return depth_ == 0; }

 private:
  static constexpr std::size_t kDeepest = 32;
  struct Level {
    bool object = false;
    bool empty = true;
  };

  void open(char bracket, bool object);
  void close(char bracket, bool object);
  void before_value();
  void separate();  // the comma and, in pretty style, the new line before an element or a key
  void new_line();
  void write_signed(std::int64_t number);
  void write_unsigned(std::uint64_t number);

  std::string& out_;
  Style style_;
  Level levels_[kDeepest] = {};
  std::size_t depth_ = 0;
  bool after_key_ = false;
};

// One value appended to `out` as JsonWriter writes it: for the innermost loops of writers that build their lines from fixed
// pieces.
void append_json(std::string& out, double number);
void append_json(std::string& out, std::int64_t number);
void append_json(std::string& out, std::string_view text);

// The shortest decimal that reads back as the same finite double: "0.1", "29", "1e+22"; fixed notation from 1e-5 to below 1e16.
std::string shortest(double number);

}  // namespace infbench
