#include "cli/options_rules.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/number.h"
#include "base/result.h"

namespace infbench::cli {
namespace {

bool is_within(const std::string& text, std::int64_t least, std::uint64_t most) {
  if (const auto small = number_in<std::int64_t>(text)) {
    return *small >= least && (*small < 0 || static_cast<std::uint64_t>(*small) <= most);
  }
  const auto large = number_in<std::uint64_t>(text);
  return large && *large <= most;
}

}  // namespace

CLI::Validator whole_number(std::int64_t least, std::uint64_t most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        if (is_within(text, least, most)) return std::string();
        const std::string range = most == kNoMost ? fmt::format("from {}", least) : fmt::format("from {} to {}", least, most);
        return fmt::format("expected a whole number {}, found '{}'", range, text);
      },
      "");
}

CLI::Validator number(double least, double most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        const auto value = number_in<double>(text);
        if (value && *value >= least && *value <= most) return std::string();  // false for a NaN
        return fmt::format("expected a number from {} to {}, found '{}'", least, most, text);
      },
      "");
}

CLI::Validator speed() { return number(1e-3, 1e6); }

CLI::Validator one_of(const std::vector<std::string>& words) {
  return CLI::Validator(
      [words](const std::string& text) {
        if (std::ranges::find(words, text) != words.end()) return std::string();
        const std::string hint = did_you_mean(text, {words.begin(), words.end()});
        return fmt::format("expected one of {}, found '{}'{}{}", fmt::join(words, ", "), text, hint.empty() ? "" : ": ", hint);
      },
      fmt::format("{{{}}}", fmt::join(words, ",")));
}

}  // namespace infbench::cli
