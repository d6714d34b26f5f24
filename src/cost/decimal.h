// Exact decimals of a data file: text to an integer count of 2^-bits, the same on every machine (no floating point, no libm).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace infbench::cost {

// "12.5" with 16 bits is 12.5 x 2^16. Rounded to the nearest, halves up. Digits, then perhaps a point and digits; nothing else
// (no sign, no exponent, no blanks). At most 12 digits before the point and 18 after it; nothing for any other text. 0 <= bits
// <= 20.
std::optional<std::int64_t> parse_fixed(std::string_view text, int bits);

}  // namespace infbench::cost
