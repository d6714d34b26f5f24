#include "report/text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"

namespace infbench::report {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// The blocks of combining marks and joiners, and of wide characters, in the Unicode Character Database; whole blocks are near
// enough here.
constexpr Range kNoWidth[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},
                              {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF},
                              {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xA960, 0xA97C}, {0xAC00, 0xD7A3},
                           {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
                           {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

template <std::size_t N>
bool within(const Range (&ranges)[N], char32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges), [&](Range r) { return code >= r.first && code <= r.last; });
}

std::size_t width_of_char(char32_t code) {
  if (code < 0x0300) return 1;
  if (within(kNoWidth, code)) return 0;
  return within(kWide, code) ? 2 : 1;
}

// The longest part of the text, from its front, that takes at most `width` columns.
std::string_view front_part(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Char c = decode_utf8(text, at);
    const std::size_t columns = width_of_char(c.code);
    if (columns > width) break;
    width -= columns;
    at += c.bytes;
  }
  return text.substr(0, at);
}

// The shortest part from its front that must go for the rest to take at most `width` columns; combining marks go with their
// letter.
std::string_view back_part(std::string_view text, std::size_t width) {
  std::size_t columns = width_of(text);
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Char c = decode_utf8(text, at);
    const std::size_t here = width_of_char(c.code);
    if (columns <= width && here > 0) break;
    columns -= here;
    at += c.bytes;
  }
  return text.substr(at);
}

}  // namespace

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text, at);
    width += width_of_char(c.code);
    at += c.bytes;
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text, at);
    out += c.valid && !is_control(c.code) ? text.substr(at, c.bytes) : std::string_view("?");
    at += c.bytes;
  }
  return out;
}

std::string cut(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  constexpr std::string_view kGap = "..";
  const std::size_t room = std::max<std::size_t>(width, 4) - kGap.size();
  std::string out(front_part(text, room - room / 2));
  out += kGap;
  out += back_part(text, room / 2);
  return out;
}

std::string pad_right(std::string_view text, std::size_t width) {
  std::string out(text);
  out.append(width - std::min(width, width_of(text)), ' ');
  return out;
}

std::string pad_left(std::string_view text, std::size_t width) {
  std::string out(width - std::min(width, width_of(text)), ' ');
  out += text;
  return out;
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::string line;
  bool begun = false;  // the line has a word
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (begun && width_of(line) + 1 + width_of(word) > width) {
      out += line + '\n';
      line.assign(indent, ' ');
      begun = false;
    }
    if (begun) line += ' ';
    line += word;
    begun = true;
  }
  return out + line + '\n';
}

std::string grouped(double number, int decimals) {
  std::string text = fmt::format("{:.{}f}", number, decimals);
  if (text.find_first_of("123456789") == std::string::npos && text.front() == '-') text.erase(0, 1);
  const std::size_t first = text.front() == '-' ? 1 : 0;
  std::size_t at = std::min(text.find('.'), text.size());
  while (at > first + 3) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string with_sign(double number, int decimals) {
  std::string text = grouped(number, decimals);
  const bool zero = text.find_first_of("123456789") == std::string::npos;
  return number > 0 && !zero ? "+" + text : text;
}

}  // namespace infbench::report
