// Numbers in text. Pure, usable from any thread.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace infbench {

// The number that the whole text is, written as std::from_chars takes it: no blanks, no '+', no thousands. None if it is
// anything else or does not fit. Of a floating-point number "inf" and "nan" are numbers.
template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace infbench
