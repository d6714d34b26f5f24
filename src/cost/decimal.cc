#include "cost/decimal.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::cost {
namespace {

__extension__ using Wide = __int128;

constexpr std::size_t kWholeDigits = 12;
constexpr std::size_t kFractionDigits = 18;

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Wide number(std::string_view digits) {
  Wide value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_fixed(std::string_view text, int bits) {
  INFBENCH_CHECK(bits >= 0 && bits <= 20);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  const bool has_digits = !whole.empty() && (point == std::string_view::npos || !fraction.empty());
  if (!has_digits || !all_digits(whole) || !all_digits(fraction)) return std::nullopt;
  if (whole.size() > kWholeDigits || fraction.size() > kFractionDigits) return std::nullopt;

  Wide unit = 1;  // of the last digit
  for (std::size_t i = 0; i < fraction.size(); ++i) unit *= 10;
  const Wide scale = static_cast<Wide>(1) << bits;
  const Wide below_one = (2 * number(fraction) * scale + unit) / (2 * unit);
  return static_cast<std::int64_t>(number(whole) * scale + below_one);
}

}  // namespace infbench::cost
