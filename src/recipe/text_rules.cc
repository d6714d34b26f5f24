#include "recipe/text_rules.h"

#include <algorithm>
#include <cstddef>

namespace infbench::recipe {
namespace {

constexpr std::size_t kLongestName = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank_or_control(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

// n numbers with n - 1 colons between them; n.
std::size_t numbers_with_colons(std::string_view text) {
  std::size_t count = 0;
  while (true) {
    const std::size_t end = text.find(':');
    if (!all_digits(text.substr(0, end))) return 0;
    ++count;
    if (end == std::string_view::npos) return count;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string_view check_name(std::string_view text) {
  constexpr std::string_view kExpected =
      "expected a name of at most 128 letters, digits, '.', '_' and '-' that begins with a letter or digit";
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; };
  if (text.empty() || text.size() > kLongestName || !std::ranges::all_of(text, fits)) return kExpected;
  return is_letter(text.front()) || is_digit(text.front()) ? std::string_view{} : kExpected;
}

std::string_view check_word(std::string_view text) {
  if (text.empty() || text.starts_with('-') || std::ranges::any_of(text, is_blank_or_control)) {
    return "expected one word without blanks that does not begin with '-'";
  }
  return {};
}

std::string_view check_absolute_path(std::string_view text) {
  // ',' and ':' separate mounts.
  const auto breaks_a_mount = [](char c) { return c == ',' || c == ':' || static_cast<unsigned char>(c) < ' '; };
  if (!text.starts_with('/') || std::ranges::any_of(text, breaks_a_mount)) {
    return "expected the absolute path of a local folder, without ',' or ':'";
  }
  return {};
}

std::string_view check_time_limit(std::string_view text) {
  constexpr std::string_view kExpected = "expected a time as Slurm writes it: hours:minutes:seconds, days-hours or minutes";
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos && !all_digits(text.substr(0, dash))) return kExpected;
  const std::size_t numbers = numbers_with_colons(dash == std::string_view::npos ? text : text.substr(dash + 1));
  return numbers >= 1 && numbers <= 3 ? std::string_view{} : kExpected;
}

std::string_view check_variable(std::string_view text) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  if (text.empty() || is_digit(text.front()) || !std::ranges::all_of(text, fits)) {
    return "expected the name of an environment variable: letters, digits and '_'";
  }
  return {};
}

}  // namespace infbench::recipe
