// The schema of a recipe, as data: one table per section with key, type, limits and documentation of each field.
//
// bind_schema() ties the tables to one Recipe, so that the reader (section_reader.h) and whoever writes documentation walk the
// same data. A BoundSection points into that Recipe and must not outlive it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "recipe/recipe.h"

namespace infbench::recipe {

// Where a field's value goes; its type is the field's type. Optional ones may be null in the file, which is as not given.
using Slot = std::variant<std::string*, std::optional<std::string>*, std::int64_t*, std::optional<std::int64_t>*, double*,
                          bool*, StringMap*, Flags*, std::optional<Flags>*>;

// Limits of numbers.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above = false;  // `least` itself is not allowed
};

// Empty: the text may stand; else what was expected.
using TextCheck = std::string_view (*)(std::string_view);

struct Rule {
  std::string_view doc;
  bool required = false;
  Range range{};
  std::span<const std::string_view> choices{};  // of texts; empty: any
  std::span<const std::string_view> later{};    // choices that the reference has and we do not have yet
  TextCheck check = nullptr;
  std::string_view range_hint{};  // what to do about a number out of range
};

struct BoundField {
  std::string_view key;
  Slot slot;
  Rule rule;
};

struct BoundSection {
  std::string_view key;
  std::string_view doc;
  bool required = false;
  std::vector<BoundField> fields{};
  std::vector<BoundSection> sections{};
  std::span<const std::string_view> later{};  // keys that the reference has and we do not have yet
};

BoundSection bind_schema(Recipe& recipe);

// The type of a field in words: "an integer".
std::string_view type_name(const Slot& slot);

}  // namespace infbench::recipe
