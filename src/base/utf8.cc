#include "base/utf8.h"

#include "base/check.h"

namespace infbench {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// What may follow a lead byte (Unicode Standard, table 3-7): how many bytes, and the range of the first of them.
struct Lead {
  std::size_t more = 0;  // 0: not a lead byte
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  unsigned char payload = 0;
};

Lead lead_of(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF, static_cast<unsigned char>(byte & 0x1FU)};
  const auto three = static_cast<unsigned char>(byte & 0x0FU);
  if (byte == 0xE0) return {2, 0xA0, 0xBF, three};
  if (byte == 0xED) return {2, 0x80, 0x9F, three};  // no surrogates
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF, three};
  const auto four = static_cast<unsigned char>(byte & 0x07U);
  if (byte == 0xF0) return {3, 0x90, 0xBF, four};
  if (byte == 0xF4) return {3, 0x80, 0x8F, four};  // nothing above U+10FFFF
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF, four};
  return {};
}

}  // namespace

Utf8Char decode_utf8(std::string_view text, std::size_t at) {
  INFBENCH_CHECK(at < text.size());
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = lead_of(first);
  if (lead.more == 0) return {kReplacement, 1, false};
  char32_t code = lead.payload;
  for (std::size_t i = 1; i <= lead.more; ++i) {
    const unsigned char low = i == 1 ? lead.low : 0x80;
    const unsigned char high = i == 1 ? lead.high : 0xBF;
    if (at + i >= text.size()) return {kReplacement, i, false};
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if (byte < low || byte > high) return {kReplacement, i, false};
    code = (code << 6U) | (byte & 0x3FU);
  }
  return {code, lead.more + 1, true};
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

bool is_control(char32_t code) {
  const bool turns_writing = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || turns_writing || code == 0x2028 || code == 0x2029;
}

std::optional<std::size_t> find_no_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text, at);
    const bool control = (c.code < 0x20 && c.code != '\t' && c.code != '\n' && c.code != '\r') || c.code == 0x7F;
    if (!c.valid || control) return at;
    at += c.bytes;
  }
  return std::nullopt;
}

}  // namespace infbench
