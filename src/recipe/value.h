// Value and Flags: the parts of a recipe that are passed on to another program as command-line flags, typed and with their
// places. Values, immutable after reading, usable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "recipe/place.h"

namespace infbench::recipe {

// What a YAML value is: null, a scalar, a list or a map.
struct Value {
  enum class Kind : std::uint8_t { scalar, list, map };
  Kind kind = Kind::scalar;
  std::variant<std::monostate, bool, std::int64_t, double, std::string> data;  // of a scalar; null: monostate
  std::vector<Value> items;                                                    // of a list or a map
  std::vector<std::string> keys;  // of a map: one per item, in the order of the file
  Place place;
};

// Null or false: such a flag is not put on the command line.
bool is_left_out(const Value& value);

// As a word of a command line: text as it is, numbers as Python prints them (4.0, not 4), lists and maps as JSON.
std::string to_text(const Value& value);

// As JSON, without spaces.
std::string to_json(const Value& value);

struct Flag {
  std::string name;  // canonical: with hyphens, "tensor-parallel-size"
  Value value;
  Place place;  // of the key
};

// The flags of one program in order of name, each name once.
class Flags {
 public:
  Flags() = default;
  explicit Flags(std::vector<Flag> flags);

  const Flag* find(std::string_view name) const;                     // null when not given
  std::optional<std::int64_t> integer(std::string_view name) const;  // none when not given or not an integer
  std::optional<double> number(std::string_view name) const;         // also of an integer
  std::optional<std::string> text(std::string_view name) const;
  bool truth(std::string_view name) const;  // given and true

  std::vector<Flag>::const_iterator begin() const { return flags_.begin(); }
  std::vector<Flag>::const_iterator end() const { return flags_.end(); }
  bool empty() const { return flags_.empty(); }

 private:
  std::vector<Flag> flags_;
};

// The words for a command line, as the reference makes them: flags in order of name, true is a bare flag, false and null are
// left out, a list gives several words after its flag, a map its JSON.
std::vector<std::string> to_argv(const Flags& flags);

}  // namespace infbench::recipe
