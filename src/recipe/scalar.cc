#include "recipe/scalar.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/number.h"

namespace infbench::recipe {
namespace {

constexpr std::size_t kMostShown = 40;  // bytes of a value shown in an error

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

std::optional<bool> truth_of(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

// YAML 1.1, which the reference reads, takes these for true and false.
bool is_old_truth(std::string_view text) {
  constexpr std::array<std::string_view, 12> kWords{"yes", "Yes", "YES", "no",  "No",  "NO",
                                                    "on",  "On",  "ON",  "off", "Off", "OFF"};
  return std::ranges::find(kWords, text) != kWords.end();
}

// Digits that YAML 1.1 reads as another number or as a number at all: 010, 1_000, 0x10, 0o17.
bool is_old_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !is_digit(text.front())) return false;
  if (text.size() > 1 && text.front() == '0' && all_digits(text)) return true;
  if (text.size() > 2 && text.front() == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b')) {
    return std::ranges::all_of(text.substr(2),
                               [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
  }
  return text.find('_') != std::string_view::npos && std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '_'; });
}

template <typename Number>
std::optional<Number> parsed(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return number_in<Number>(text);
}

bool looks_integer(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return all_digits(text);
}

// [sign] digits [. digits] [exponent], with a digit before or after the point; no inf, no nan.
bool looks_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with('.')) text.remove_prefix(1);
  return !text.empty() && is_digit(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '-' || c == '+';
  });
}

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMostShown)) out += c == '\n' ? ' ' : c;
  if (text.size() <= kMostShown) return out;
  std::size_t end = kMostShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return out.substr(0, end) + "...";
}

}  // namespace

Scalar classify(const Node& node) {
  Scalar scalar;
  scalar.value.place = node.place;
  if (node.kind == Node::Kind::null) return scalar;
  scalar.value.data = node.text;
  if (!node.plain) return scalar;
  if (const auto truth = truth_of(node.text)) {
    scalar.value.data = *truth;
  } else if (is_old_truth(node.text)) {
    scalar.doubt = fmt::format("write true or false, or \"{}\" in quotes for the text", node.text);
  } else if (is_old_number(node.text)) {
    scalar.doubt =
        fmt::format("write a decimal number without leading zeros or underscores, or \"{}\" in quotes for the text", node.text);
  } else if (looks_integer(node.text)) {
    const auto number = parsed<std::int64_t>(node.text);
    if (number.has_value()) scalar.value.data = *number;
    if (!number.has_value()) scalar.doubt = "write a number that fits into 64 bits, or quote the text";
  } else if (looks_number(node.text)) {
    const auto number = parsed<double>(node.text);
    if (number.has_value() && std::isfinite(*number)) scalar.value.data = *number;
  }
  return scalar;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "null";
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a mapping";
    case Node::Kind::scalar: break;
  }
  const Scalar scalar = classify(node);
  if (!scalar.doubt.empty() && looks_integer(node.text) && !is_old_number(node.text)) {
    return fmt::format("the integer {}, which is too large", shown(node.text));
  }
  if (!scalar.doubt.empty()) return fmt::format("'{}', which readers of YAML take differently", shown(node.text));
  if (const auto* truth = std::get_if<bool>(&scalar.value.data)) return *truth ? "true" : "false";
  if (std::holds_alternative<std::int64_t>(scalar.value.data)) return fmt::format("the integer {}", node.text);
  if (std::holds_alternative<double>(scalar.value.data)) return fmt::format("the number {}", node.text);
  if (node.text.empty()) return "an empty text";
  return node.plain ? fmt::format("the text '{}'", shown(node.text))
                    : fmt::format("the text \"{}\" in quotes", shown(node.text));
}

}  // namespace infbench::recipe
