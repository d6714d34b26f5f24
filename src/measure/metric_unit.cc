#include "measure/metric_unit.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace infbench::measure {
namespace {

using Named = std::pair<std::string_view, std::string_view>;  // what stands there, the unit

constexpr std::array<Named, 19> kEndings = {{{"_seconds", "seconds"},
                                             {"_milliseconds", "milliseconds"},
                                             {"_ms", "milliseconds"},
                                             {"_nanoseconds", "nanoseconds"},
                                             {"_ns", "nanoseconds"},
                                             {"_bytes", "bytes"},
                                             {"_kilobytes", "kilobytes"},
                                             {"_megabytes", "megabytes"},
                                             {"_gigabytes", "gigabytes"},
                                             {"_tokens", "tokens"},
                                             {"_requests", "requests"},
                                             {"request_success", "requests"},
                                             {"_reqs", "requests"},
                                             {"_errors", "errors"},
                                             {"_error_count", "errors"},
                                             {"_blocks", "blocks"},
                                             {"_block_count", "blocks"},
                                             {"_gb_s", "gb/s"},
                                             {"_ratio", "ratio"}}};
constexpr std::array<Named, 6> kFurtherEndings = {{{"_percent", "percent"},
                                                   {"_perc", "percent"},
                                                   {"_celsius", "celsius"},
                                                   {"_joules", "joule"},
                                                   {"_watts", "watt"},
                                                   {"_count", "count"}}};

// In "(in X)", where letter case tells units apart.
constexpr std::array<Named, 26> kAbbreviations = {
    {{"MiB", "megabytes"}, {"GiB", "gigabytes"},   {"KiB", "kilobytes"},  {"B", "bytes"},         {"MB", "megabytes"},
     {"GB", "gigabytes"},  {"KB", "kilobytes"},    {"TB", "terabytes"},   {"C", "celsius"},       {"F", "fahrenheit"},
     {"K", "kelvin"},      {"Hz", "hertz"},        {"MHz", "megahertz"},  {"GHz", "gigahertz"},   {"W", "watt"},
     {"mW", "milliwatt"},  {"J", "joule"},         {"mJ", "millijoule"},  {"MJ", "megajoule"},    {"s", "seconds"},
     {"sec", "seconds"},   {"ms", "milliseconds"}, {"ns", "nanoseconds"}, {"us", "microseconds"}, {"GB/s", "gb/s"},
     {"%", "percent"}}};

// After "in " or "(", in small letters.
constexpr std::array<Named, 18> kWords = {{{"seconds", "seconds"},
                                           {"second", "seconds"},
                                           {"milliseconds", "milliseconds"},
                                           {"millisecond", "milliseconds"},
                                           {"ms", "milliseconds"},
                                           {"nanoseconds", "nanoseconds"},
                                           {"nanosecond", "nanoseconds"},
                                           {"ns", "nanoseconds"},
                                           {"bytes", "bytes"},
                                           {"byte", "bytes"},
                                           {"gb/s", "gb/s"},
                                           {"mb/s", "mb/s"},
                                           {"tokens/s", "tokens/s"},
                                           {"tokens/sec", "tokens/s"},
                                           {"requests/s", "requests/s"},
                                           {"requests/sec", "requests/s"},
                                           {"tokens/second", "tokens/s"},
                                           {"requests/second", "requests/s"}}};

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

bool eat(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

void eat_spaces(std::string_view& text) {
  while (eat(text, " ")) {
  }
}

bool eat_any(std::string_view& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return eat(text, word); });
}

bool eat_number(std::string_view& text, std::string_view number) {
  std::string_view rest = text;
  if (!eat(rest, number)) return false;
  eat(rest, ".0");
  if (!rest.empty() && is_word(rest.front())) return false;
  text = rest;
  return true;
}

// "0-1", "0.0 - 1.0", "0 to 1": a ratio; "(0-100)", "0 to 100 %": percent; "1 means 100 percent": a ratio.
std::string_view unit_of_range(std::string_view help) {
  for (std::size_t at = 0; at < help.size(); ++at) {
    if (at > 0 && (is_word(help[at - 1]) || help[at - 1] == '.')) continue;
    std::string_view rest = help.substr(at);
    if (eat_number(rest, "1")) {
      eat_spaces(rest);
      if (!eat_any(rest, {"means", "is", "equals", "equal", "==", "="})) continue;
      eat_spaces(rest);
      if (!eat(rest, "100")) continue;
      eat_spaces(rest);
      if (eat_any(rest, {"%", "percent"})) return "ratio";
      continue;
    }
    if (!eat(rest, "0")) continue;
    eat(rest, ".0");
    eat_spaces(rest);
    if (!eat_any(rest, {"to", "---", "--", "-", "\u2013", "\u2014"})) continue;
    eat_spaces(rest);
    if (eat_number(rest, "1")) return "ratio";
    if (!eat_number(rest, "100")) continue;
    const bool in_brackets = at > 0 && help[at - 1] == '(' && rest.starts_with(')');
    eat_spaces(rest);
    if (in_brackets || rest.starts_with('%') || help.substr(0, at).ends_with("range ")) return "percent";
  }
  return {};
}

// The word after "in " or "(", up to a space, bracket or full stop.
std::string_view word_at(std::string_view text) { return text.substr(0, std::min(text.find_first_of(" ).,;:"), text.size())); }

template <std::size_t N>
std::string_view look_up(const std::array<Named, N>& table, std::string_view word) {
  for (const auto& [written, unit] : table) {
    if (written == word) return unit;
  }
  return {};
}

std::string_view unit_in_text(std::string_view help, std::string_view lower) {
  if (const std::size_t at = help.find("(in "); at != std::string_view::npos) {
    if (const auto unit = look_up(kAbbreviations, word_at(help.substr(at + 4))); !unit.empty()) return unit;
  }
  for (std::size_t at = 0; at < lower.size(); ++at) {
    std::string_view rest = lower.substr(at);
    const bool after_in = (at == 0 || !is_word(lower[at - 1])) && eat(rest, "in ");
    if (!after_in && !eat(rest, "(")) continue;
    const std::string_view word = word_at(rest);
    if (const auto unit = look_up(kWords, word); !unit.empty()) return unit;
    if (after_in && (word == "tokens" || word == "token")) return "tokens";
  }
  return {};
}

template <std::size_t N>
std::string_view by_ending(const std::array<Named, N>& table, std::string_view name) {
  std::string_view unit;
  std::size_t longest = 0;
  for (const auto& [ending, of_ending] : table) {
    if (ending.size() <= longest || !name.ends_with(ending)) continue;
    longest = ending.size();
    unit = of_ending;
  }
  return unit;
}

}  // namespace

std::string_view metric_unit(std::string_view name, std::string_view help) {
  const std::string lower_help = lower_case(help);
  if (const auto unit = unit_of_range(lower_help); !unit.empty()) return unit;
  if (const auto unit = unit_in_text(help, lower_help); !unit.empty()) return unit;
  const std::string lower_name = lower_case(name);
  if (const auto unit = by_ending(kEndings, lower_name); !unit.empty()) return unit;
  if (const auto unit = by_ending(kFurtherEndings, lower_name); !unit.empty()) return unit;
  return lower_name.find("num_requests_") != std::string::npos ? std::string_view("requests") : std::string_view{};
}

}  // namespace infbench::measure
