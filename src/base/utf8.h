// UTF-8, one character at a time: what the JSON writer and the terminal report need of it. Pure functions, usable from any
// thread.
#pragma once

#include <cstddef>
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

}  // namespace infbench
