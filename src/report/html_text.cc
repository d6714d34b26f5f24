#include "report/html_text.h"

#include <cstdint>

#include "base/sha256.h"
#include "report/text.h"

namespace infbench::report {
namespace {

unsigned digit(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); }

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string policy_hash(std::string_view text) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Sha256 sha;
  sha.add(text);
  const std::string hex = sha.finish();
  std::string out = "sha256-";
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : hex) {
    bits = bits << 4U | digit(c);
    have += 4;
    if (have < 6) continue;
    have -= 6;
    out += kDigits[(bits >> static_cast<unsigned>(have)) & 63U];
  }
  out += kDigits[(bits << static_cast<unsigned>(6 - have)) & 63U];  // 256 bits: 42 digits and 4 bits
  return out + '=';
}

}  // namespace infbench::report
