#include "trace/json_cursor.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/utf8.h"

namespace infbench::trace {
namespace {

constexpr int kDeepest = 64;  // of objects and arrays in one another

// The byte or character where something else was expected.
std::string found_at(std::string_view text, std::size_t at) {
  const char c = text[at];
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7F) return fmt::format("byte 0x{:02x}", byte);
  const Utf8Char character = decode_utf8(text, at);
  return fmt::format("'{}'", text.substr(at, character.bytes));
}

}  // namespace

bool JsonCursor::fail_at(std::size_t at, std::string what) {
  if (!fault_) fault_ = Fault{.at = at, .what = std::move(what), .at_end = at >= text_.size()};
  at_ = at;
  return false;
}

bool JsonCursor::fail(std::string_view expected) {
  if (done()) return fail_at(at_, fmt::format("broken JSON: expected {}, found the end of the line", expected));
  const Utf8Char character = decode_utf8(text_, at_);
  if (!character.valid) {
    return fail_at(at_, fmt::format("not UTF-8: found byte 0x{:02x}", static_cast<unsigned char>(text_[at_])));
  }
  return fail_at(at_, fmt::format("broken JSON: expected {}, found {}", expected, found_at(text_, at_)));
}

bool JsonCursor::expect(char c, std::string_view what) { return take(c) || (!fault_ && fail(what)); }

void JsonCursor::expect_end() {
  skip_space();
  if (!fault_ && !done()) fail("the end of the line");
}

JsonCursor::Kind JsonCursor::kind_here() const {
  switch (peek()) {
    case '{': return Kind::object;
    case '[': return Kind::array;
    case '"': return Kind::string;
    case 't':
    case 'f':
    case 'n': return Kind::literal;
    default: return Kind::number;
  }
}

std::optional<JsonCursor::Value> JsonCursor::value(std::string_view what) {
  if (fault_) return {};
  skip_space();
  Value value{.kind = kind_here(), .at = at_, .text = {}};
  if (!skip_value(what, 0)) return {};
  value.text = text_.substr(value.at, at_ - value.at);
  return value;
}

bool JsonCursor::skip_value(std::string_view what, int depth) {
  if (depth > kDeepest) return fail_at(at_, fmt::format("more than {} arrays and objects in one another", kDeepest));
  skip_space();
  const char c = peek();
  switch (kind_here()) {
    case Kind::object: return skip_object(depth);
    case Kind::array: return skip_array(depth);
    case Kind::string: return skip_string();
    case Kind::literal: return skip_literal();
    case Kind::number: return c == '-' || is_digit(c) ? skip_number() : fail(what);
  }
  return fail(what);
}

bool JsonCursor::skip_object(int depth) {
  ++at_;
  if (take('}')) return true;
  do {
    skip_space();
    if (peek() != '"') return fail("a field name in quotes");
    if (!skip_string() || !expect(':', "':'") || !skip_value("a value", depth + 1)) return false;
  } while (take(','));
  return expect('}', "',' or '}'");
}

bool JsonCursor::skip_array(int depth) {
  ++at_;
  if (take(']')) return true;
  do {
    if (!skip_value("a value", depth + 1)) return false;
  } while (take(','));
  return expect(']', "',' or ']'");
}

bool JsonCursor::skip_string() {
  for (++at_; !done();) {
    const char c = text_[at_];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c == '\\') {
      if (!skip_escape()) return false;
    } else if (byte < 0x20) {
      return fail("'\"' (a control character in a string must be escaped)");
    } else if (byte < 0x80) {
      ++at_;
    } else {
      const Utf8Char character = decode_utf8(text_, at_);
      if (!character.valid) return fail("'\"'");
      at_ += character.bytes;
    }
  }
  return fail("'\"'");
}

bool JsonCursor::skip_escape() {
  ++at_;
  constexpr std::string_view kOne = "\"\\/bfnrt";
  if (done() || (peek() != 'u' && kOne.find(peek()) == std::string_view::npos)) return fail("an escape such as \\n or \\u0041");
  const bool code = peek() == 'u';
  ++at_;
  for (int i = 0; code && i < 4; ++i, ++at_) {
    const char c = peek();
    if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return fail("four hexadecimal digits");
  }
  return true;
}

bool JsonCursor::skip_digits(std::string_view what) {
  if (!is_digit(peek())) return fail(what);
  while (is_digit(peek())) ++at_;
  return true;
}

bool JsonCursor::skip_number() {
  if (peek() == '-') ++at_;
  if (peek() == '0') {
    ++at_;
    if (is_digit(peek())) return fail("a number without leading zeros");
  } else if (!skip_digits("a digit")) {
    return false;
  }
  if (peek() == '.') {
    ++at_;
    if (!skip_digits("a digit after the point")) return false;
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!skip_digits("a digit in the exponent")) return false;
  }
  return true;
}

bool JsonCursor::skip_literal() {
  constexpr std::array<std::string_view, 3> kLiterals{"true", "false", "null"};
  for (const std::string_view literal : kLiterals) {
    const std::string_view here = text_.substr(at_, literal.size());
    if (here == literal) {
      at_ += literal.size();
      return true;
    }
    if (!literal.starts_with(here)) continue;
    at_ = text_.size();
    return fail(literal);
  }
  return fail("true, false or null");
}

}  // namespace infbench::trace
