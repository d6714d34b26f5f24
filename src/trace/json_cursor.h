// JsonCursor: walks over the text of one line of JSON (RFC 8259), checks all that it passes, and knows the byte where it stops.
//
// Nothing is built: a value is the piece of text where it stands. That is what lets a reader point at the very byte that is
// wrong, keep unknown fields as they are, and stay fast. After the first fault every call fails and the cursor stays there. One
// owner, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace infbench::trace {

// What is wrong at a byte of a line. A fault at the end of the text also says that: the text may have been cut off.
struct Fault {
  std::size_t at = 0;
  std::string what;
  bool at_end = false;
};

class JsonCursor {
 public:
  enum class Kind : std::uint8_t { object, array, string, number, literal };  // literal: true, false, null
  struct Value {
    Kind kind = Kind::literal;
    std::size_t at = 0;     // its first byte
    std::string_view text;  // as it stands, a string with its quotes
  };

  explicit JsonCursor(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  const std::optional<Fault>& fault() const { return fault_; }

  void skip_space();
  // Skips space, then `c`; without `c` nothing else changes.
  bool take(char c);
  // The same, but another byte is a fault: expected `what`.
  bool expect(char c, std::string_view what);
  // Any value, checked to its end. `what` was expected if there is none.
  std::optional<Value> value(std::string_view what = "a value");
  // A whole number that fits and stands alone (no sign, point or exponent); without one nothing changes, and value() tells what
  // is there.
  std::optional<std::uint64_t> whole_number();
  // Faults if anything but space follows.
  void expect_end();

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  bool fail(std::string_view expected);
  bool fail_at(std::size_t at, std::string what);
  bool skip_value(std::string_view what, int depth);
  bool skip_object(int depth);
  bool skip_array(int depth);
  bool skip_string();
  bool skip_escape();
  bool skip_number();
  bool skip_digits(std::string_view what);
  bool skip_literal();
  Kind kind_here() const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<Fault> fault_;
};

// Those called for every block id of a trace.

inline void JsonCursor::skip_space() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

inline bool JsonCursor::take(char c) {
  if (fault_) return false;
  skip_space();
  if (peek() != c || done()) return false;
  ++at_;
  return true;
}

inline std::optional<std::uint64_t> JsonCursor::whole_number() {
  if (fault_) return {};
  skip_space();
  constexpr std::size_t kAlwaysFit = 19;  // so many digits never overflow
  std::size_t end = at_;
  std::uint64_t number = 0;
  while (end < text_.size() && is_digit(text_[end])) {
    const auto digit = static_cast<std::uint64_t>(text_[end] - '0');
    if (end - at_ >= kAlwaysFit && number > (UINT64_MAX - digit) / 10) return {};
    number = number * 10 + digit;
    ++end;
  }
  const bool alone = end == text_.size() || text_[end] == ',' || text_[end] == ']' || text_[end] == '}' || is_space(text_[end]);
  if (end == at_ || !alone || (text_[at_] == '0' && end > at_ + 1)) return {};
  at_ = end;
  return number;
}

}  // namespace infbench::trace
