#include "recipe/yaml_resolved.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json_writer.h"
#include "recipe/schema.h"
#include "recipe/yaml_write.h"

namespace infbench::recipe {
namespace {

Node scalar(std::string text, bool plain) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.plain = plain;
  node.text = std::move(text);
  return node;
}

Node empty_of(Node::Kind kind) {
  Node node;
  node.kind = kind;
  return node;
}

void add(Node& map, std::string_view key, Node value) { map.entries.push_back({std::string(key), {}, std::move(value)}); }

std::string number_text(double number) {
  std::string text;
  append_json(text, number);  // with a point, so that it stays a number with one
  return text;
}

Node node_of(const Value& value) {
  if (value.kind == Value::Kind::scalar) {
    if (const auto* truth = std::get_if<bool>(&value.data)) return scalar(*truth ? "true" : "false", true);
    if (const auto* whole = std::get_if<std::int64_t>(&value.data)) return scalar(std::to_string(*whole), true);
    if (const auto* number = std::get_if<double>(&value.data)) return scalar(number_text(*number), true);
    if (const auto* text = std::get_if<std::string>(&value.data)) return scalar(*text, false);
    return {};
  }
  const bool map = value.kind == Value::Kind::map;
  Node node = empty_of(map ? Node::Kind::map : Node::Kind::list);
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (map) add(node, value.keys[i], node_of(value.items[i]));
    if (!map) node.items.push_back(node_of(value.items[i]));
  }
  return node;
}

Node flags_node(const Flags& flags) {
  Node node = empty_of(Node::Kind::map);
  for (const Flag& flag : flags) add(node, flag.name, node_of(flag.value));
  return node;
}

// None: the field has no value.
struct FieldWriter {
  std::optional<Node> operator()(const std::string* text) const {
    if (text->empty()) return std::nullopt;
    return scalar(*text, false);
  }
  std::optional<Node> operator()(const std::int64_t* number) const { return scalar(std::to_string(*number), true); }
  std::optional<Node> operator()(const double* number) const { return scalar(number_text(*number), true); }
  std::optional<Node> operator()(const bool* truth) const { return scalar(*truth ? "true" : "false", true); }
  std::optional<Node> operator()(const StringMap* pairs) const {
    if (pairs->empty()) return std::nullopt;
    Node node = empty_of(Node::Kind::map);
    for (const auto& [key, value] : *pairs) add(node, key, scalar(value, false));
    return node;
  }
  std::optional<Node> operator()(const std::vector<std::string>* texts) const {
    if (texts->empty()) return std::nullopt;
    Node node = empty_of(Node::Kind::list);
    for (const std::string& text : *texts) node.items.push_back(scalar(text, false));
    return node;
  }
  std::optional<Node> operator()(const Flags* flags) const {
    if (flags->empty()) return std::nullopt;
    return flags_node(*flags);
  }
  // A role's flags may be none and yet given.
  std::optional<Node> operator()(const std::optional<Flags>* flags) const {
    return flags->has_value() ? std::optional(flags_node(**flags)) : std::nullopt;
  }
  template <typename T>
  std::optional<Node> operator()(const std::optional<T>* maybe) const {
    return maybe->has_value() ? (*this)(&**maybe) : std::nullopt;
  }
  std::optional<Node> operator()(const KvEventsSlot& slot) const {
    const std::array<std::pair<std::string_view, const std::optional<KvEvents>*>, 3> roles{{
        {"prefill", &slot.backend->prefill_kv_events},
        {"decode", &slot.backend->decode_kv_events},
        {"aggregated", &slot.backend->aggregated_kv_events},
    }};
    Node node = empty_of(Node::Kind::map);
    for (const auto& [role, events] : roles) {
      if (!events->has_value()) continue;
      Node& settings = (add(node, role, empty_of(Node::Kind::map)), node.entries.back().value);
      add(settings, "publisher", scalar((*events)->publisher, false));
      add(settings, "topic", scalar((*events)->topic, false));
    }
    if (node.entries.empty()) return std::nullopt;
    return node;
  }
};

bool has(Names names, std::string_view wanted) { return std::ranges::find(names, wanted) != names.end(); }

// Whether the field belongs to this recipe's benchmark and backend: elsewhere it would be an error.
bool belongs(const BoundField& field, const Recipe& recipe) {
  if (field.key == "time_scale") return recipe.backend.type == "model";
  const Rule& rule = field.rule;
  const Benchmark& benchmark = recipe.benchmark;
  if (!rule.types.empty() && !has(rule.types, benchmark.type)) return false;
  return rule.client.empty() || rule.client == benchmark.client || benchmark.type == "custom";
}

Node section_node(const BoundSection& section, const Recipe& recipe) {
  Node node = empty_of(Node::Kind::map);
  for (const BoundField& field : section.fields) {
    if (!belongs(field, recipe)) continue;
    if (std::optional<Node> value = std::visit(FieldWriter{}, field.slot)) add(node, field.key, *std::move(value));
  }
  for (const BoundSection& inner : section.sections) {
    Node value = section_node(inner, recipe);
    if (!value.entries.empty()) add(node, inner.key, std::move(value));
  }
  return node;
}

}  // namespace

std::string resolved_yaml(const Recipe& recipe) {
  Recipe copy = recipe;  // the schema binds to what it could change
  return write_yaml(section_node(bind_schema(copy), recipe));
}

}  // namespace infbench::recipe
