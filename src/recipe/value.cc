#include "recipe/value.h"

#include <algorithm>

#include "base/json_writer.h"

namespace infbench::recipe {
namespace {

struct ValueWriter {
  JsonWriter& json;

  void write(const Value& value) {
    if (value.kind == Value::Kind::scalar) return std::visit(*this, value.data);
    const bool map = value.kind == Value::Kind::map;
    if (map) json.begin_object();
    if (!map) json.begin_array();
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (map) json.key(value.keys[i]);
      write(value.items[i]);
    }
    if (map) json.end_object();
    if (!map) json.end_array();
  }
  void operator()(std::monostate) { json.null(); }
  void operator()(bool truth) { json.value(truth); }
  void operator()(std::int64_t number) { json.value(number); }
  void operator()(double number) { json.value(number); }
  void operator()(const std::string& text) { json.value(std::string_view(text)); }
};

}  // namespace

bool is_left_out(const Value& value) {
  const auto* truth = std::get_if<bool>(&value.data);
  return truth != nullptr ? !*truth : value.kind == Value::Kind::scalar && value.data.index() == 0;
}

std::string to_json(const Value& value) {
  std::string out;
  JsonWriter json(out);
  ValueWriter{json}.write(value);
  return out;
}

std::string to_text(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.data);
  return text != nullptr ? *text : to_json(value);
}

Flags::Flags(std::vector<Flag> flags) : flags_(std::move(flags)) { std::ranges::stable_sort(flags_, {}, &Flag::name); }

const Flag* Flags::find(std::string_view name) const {
  const auto at = std::ranges::find(flags_, name, &Flag::name);
  return at != flags_.end() ? &*at : nullptr;
}

std::optional<std::int64_t> Flags::integer(std::string_view name) const {
  const Flag* flag = find(name);
  const auto* number = flag != nullptr ? std::get_if<std::int64_t>(&flag->value.data) : nullptr;
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

std::optional<double> Flags::number(std::string_view name) const {
  const Flag* flag = find(name);
  const auto* number = flag != nullptr ? std::get_if<double>(&flag->value.data) : nullptr;
  if (number != nullptr) return *number;
  const auto whole = integer(name);
  return whole.has_value() ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<std::string> Flags::text(std::string_view name) const {
  const Flag* flag = find(name);
  const auto* text = flag != nullptr ? std::get_if<std::string>(&flag->value.data) : nullptr;
  return text != nullptr ? std::optional(*text) : std::nullopt;
}

bool Flags::truth(std::string_view name) const {
  const Flag* flag = find(name);
  const auto* truth = flag != nullptr ? std::get_if<bool>(&flag->value.data) : nullptr;
  return truth != nullptr && *truth;
}

std::vector<std::string> to_argv(const Flags& flags) {
  std::vector<std::string> argv;
  for (const Flag& flag : flags) {
    if (is_left_out(flag.value)) continue;
    argv.push_back("--" + flag.name);
    if (std::holds_alternative<bool>(flag.value.data)) continue;
    if (flag.value.kind == Value::Kind::list) {
      for (const Value& item : flag.value.items) argv.push_back(to_text(item));
    } else {
      argv.push_back(to_text(flag.value));
    }
  }
  return argv;
}

}  // namespace infbench::recipe
