// Text for the terminal: columns of UTF-8, cutting, padding, numbers as people read them. Pure functions, usable from any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace infbench::report {

// Columns that a terminal gives the text: 2 for East Asian wide characters and emoji, 0 for combining marks, else 1.
std::size_t width_of(std::string_view text);

// Without control characters and malformed UTF-8 (each becomes '?'), so that no name can move the cursor or colour the screen.
std::string printable(std::string_view text);

// At most `width` columns (at least 4): what is too long loses its middle to "..", since names tend to differ at either end.
// Whole characters only. Expects printable text.
std::string cut(std::string_view text, std::size_t width);

std::string pad_right(std::string_view text, std::size_t width);  // spaces after it
std::string pad_left(std::string_view text, std::size_t width);   // spaces before it

// Breaks at spaces so that no line is wider than `width` where a space allows; every line but the first begins with `indent`
// spaces. Ends with a newline.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

// "12,345" and "1,234.5"; `decimals` from 0 to 6. A value that rounds to zero has no sign.
std::string grouped(double number, int decimals);
// The same with '+' before what is above zero.
std::string with_sign(double number, int decimals);

}  // namespace infbench::report
