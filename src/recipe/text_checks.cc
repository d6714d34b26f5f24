#include "recipe/text_checks.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace infbench::recipe {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20U && c != '\t' && c != '\n' && c != '\r') || byte == 0x7FU;
}

}  // namespace

bool check_text(std::string_view text, const Place& origin, Findings& findings) {
  Place place = origin;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char character = decode_utf8(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (!character.valid) {
      findings.add_hidden(place, fmt::format("expected UTF-8 text, found the byte {:#04x}", byte), "save the file as UTF-8");
      return false;
    }
    if (is_control(text[i])) {
      findings.add_hidden(place, fmt::format("expected text, found the control character {:#04x}", byte), "remove it");
      return false;
    }
    place.column += static_cast<int>(character.bytes);
    if (text[i] == '\n') place = {place.source, place.line + 1, 1};
    i += character.bytes;
  }
  return true;
}

}  // namespace infbench::recipe
