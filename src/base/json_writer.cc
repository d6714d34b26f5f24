#include "base/json_writer.h"

#include <array>
#include <charconv>

#include "base/check.h"
#include "base/utf8.h"

namespace infbench {
namespace {

using NumberText = std::array<char, 64>;

constexpr double kFixedFrom = 1e-5;
constexpr double kFixedBelow = 1e16;

std::string_view write_shortest(double number, NumberText& text) {
  const double size = number < 0 ? -number : number;
  const bool fixed = size == 0 || (size >= kFixedFrom && size < kFixedBelow);
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  const auto written = std::to_chars(text.data(), text.data() + text.size(), number, format);
  INFBENCH_CHECK(written.ec == std::errc{});
  return {text.data(), static_cast<std::size_t>(written.ptr - text.data())};
}

bool finite(double number) { return number - number == 0; }  // NaN for NaN and infinities

bool plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHex[byte >> 4U];
  out += kHex[byte & 0xFU];
}

}  // namespace

std::string shortest(double number) {
  NumberText text;
  return std::string(write_shortest(number, text));
}

void append_json(std::string& out, double number) {
  if (!finite(number)) {
    out += "null";
    return;
  }
  NumberText text;
  const std::string_view digits = write_shortest(number, text);
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_json(std::string& out, std::int64_t number) {
  NumberText text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = at;
    while (end < text.size() && plain(text[end])) ++end;
    out += text.substr(at, end - at);
    at = end;
    if (at == text.size()) break;
    if (static_cast<unsigned char>(text[at]) <= 0x7F) {
      append_escaped(out, text[at++]);
      continue;
    }
    const Utf8Char c = decode_utf8(text, at);
    out += c.valid ? text.substr(at, c.bytes) : std::string_view("\xEF\xBF\xBD");
    at += c.bytes;
  }
  out += '"';
}

void JsonWriter::key(std::string_view name) {
  INFBENCH_CHECK(depth_ > 0 && levels_[depth_ - 1].object && !after_key_);
  separate();
  append_json(out_, name);
  out_ += style_ == Style::pretty ? std::string_view(": ") : std::string_view(":");
  after_key_ = true;
}

void JsonWriter::value(std::string_view text) {
  before_value();
  append_json(out_, text);
}

void JsonWriter::value(double number) {
  before_value();
  append_json(out_, number);
}

void JsonWriter::value(bool truth) {
  before_value();
  out_ += truth ? std::string_view("true") : std::string_view("false");
}

void JsonWriter::null() {
  before_value();
  out_ += "null";
}

void JsonWriter::open(char bracket, bool object) {
  before_value();
  INFBENCH_CHECK(depth_ < kDeepest);
  levels_[depth_++] = {object, true};
  out_ += bracket;
}

void JsonWriter::close(char bracket, bool object) {
  INFBENCH_CHECK(depth_ > 0 && levels_[depth_ - 1].object == object && !after_key_);
  const bool empty = levels_[--depth_].empty;
  if (!empty && style_ == Style::pretty) new_line();
  out_ += bracket;
}

void JsonWriter::before_value() {
  if (depth_ == 0) return;
  if (levels_[depth_ - 1].object) {
    INFBENCH_CHECK(after_key_);
    after_key_ = false;
  } else {
    separate();
  }
}

void JsonWriter::separate() {
  Level& level = levels_[depth_ - 1];
  if (!level.empty) out_ += ',';
  level.empty = false;
  if (style_ == Style::pretty) new_line();
}

void JsonWriter::new_line() {
  out_ += '\n';
  out_.append(2 * depth_, ' ');
}

void JsonWriter::write_signed(std::int64_t number) {
  before_value();
  append_json(out_, number);
}

void JsonWriter::write_unsigned(std::uint64_t number) {
  before_value();
  NumberText text;
  out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

}  // namespace infbench
