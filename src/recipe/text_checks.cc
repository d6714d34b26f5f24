#include "recipe/text_checks.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/utf8.h"

namespace infbench::recipe {

bool check_text(std::string_view text, const Place& origin, Findings& findings) {
  const auto at = find_no_text(text);
  if (!at) return true;
  const std::string_view before = text.substr(0, *at);
  const auto lines = static_cast<int>(std::ranges::count(before, '\n'));
  const auto bytes = static_cast<int>(*at - (before.rfind('\n') + 1));  // npos + 1 is 0
  const Place place = lines == 0 ? Place{origin.source, origin.line, origin.column + bytes}
                                 : Place{origin.source, origin.line + lines, 1 + bytes};
  const auto byte = static_cast<unsigned char>(text[*at]);
  if (decode_utf8(text, *at).valid) {
    findings.add_hidden(place, fmt::format("expected text, found the control character {:#04x}", byte), "remove it");
  } else {
    findings.add_hidden(place, fmt::format("expected UTF-8 text, found the byte {:#04x}", byte), "save the file as UTF-8");
  }
  return false;
}

}  // namespace infbench::recipe
