// UTF-8, one character at a time: what the JSON writer and the terminal report need of it. Pure functions, usable from any
// thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace infbench {

struct Utf8Char {
  char32_t code = 0;      // U+FFFD for a malformed sequence
  std::size_t bytes = 0;  // how many bytes it takes, at least 1
  bool valid = false;
};

// The character that begins at byte `at` (must be < text.size()). Of a malformed sequence the longest part that could have
// begun a character counts as one, as the Unicode Standard (3.9, "U+FFFD substitution of maximal subparts") recommends.
Utf8Char decode_utf8(std::string_view text, std::size_t at);

// A character that may drive a terminal or the order of what it shows: control characters (C0, C1), line and paragraph
// separators, embeddings, overrides and isolates of the Unicode Bidirectional Algorithm (Unicode Standard Annex 9).
bool is_control(char32_t code);

// With small letters for the capitals of ASCII; all else stays.
std::string lower_case(std::string_view text);

// The first byte that is not part of a text: no UTF-8, or a control character other than tab, line feed and carriage return.
std::optional<std::size_t> find_no_text(std::string_view text);

}  // namespace infbench
