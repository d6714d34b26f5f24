// The part of SectionReader that fills one field: an alternative per type of Slot.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipe/scalar.h"
#include "recipe/section_reader.h"
#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

std::string joined(const std::string& path, std::string_view key) { return fmt::format("{}.{}", path, key); }

const Refused* find(std::span<const Refused> all, std::string_view name) {
  const auto at = std::ranges::find(all, name, &Refused::name);
  return at != all.end() ? &*at : nullptr;
}

}  // namespace

// Fills one field; an alternative per type of Slot.
struct SectionReader::Target {
  SectionReader& reader;
  const BoundField& field;
  const Node& node;
  const std::string& path;

  Scalar scalar() const { return node.kind == Node::Kind::scalar ? classify(node) : Scalar{}; }
  bool not_given() const { return node.kind == Node::Kind::null; }
  void wrong() const { reader.wrong_type(path, type_name(field.slot), node); }

  void operator()(std::string* into) const {
    Scalar found = scalar();
    auto* text = std::get_if<std::string>(&found.value.data);
    if (text == nullptr || !found.doubt.empty()) return wrong();
    if (reader.resolve(*text, path, field.rule, node.place) && allowed(*text)) *into = std::move(*text);
  }
  void operator()(std::optional<std::string>* into) const {
    if (not_given()) return;
    std::string text;
    (*this)(&text);
    if (reader.fine(path)) *into = std::move(text);
  }
  void operator()(std::int64_t* into) const {
    const Scalar found = scalar();
    const auto* number = std::get_if<std::int64_t>(&found.value.data);
    if (number == nullptr) return wrong();
    if (reader.in_range(path, field.rule.range, static_cast<double>(*number), node, field.rule.range_hint)) *into = *number;
  }
  void operator()(std::optional<std::int64_t>* into) const {
    if (not_given()) return;
    std::int64_t number = 0;
    (*this)(&number);
    if (reader.fine(path)) *into = number;
  }
  void operator()(double* into) const {
    const Scalar found = scalar();
    double number = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&found.value.data)) {
      number = static_cast<double>(*whole);
    } else if (const auto* broken = std::get_if<double>(&found.value.data)) {
      number = *broken;
    } else {
      return wrong();
    }
    if (reader.in_range(path, field.rule.range, number, node, field.rule.range_hint)) *into = number;
  }
  void operator()(std::optional<double>* into) const {
    if (not_given()) return;
    double number = 0;
    (*this)(&number);
    if (reader.fine(path)) *into = number;
  }
  void operator()(bool* into) const {
    const Scalar found = scalar();
    const auto* truth = std::get_if<bool>(&found.value.data);
    if (truth == nullptr) return wrong();
    *into = *truth;
  }
  void operator()(StringMap* into) const {
    if (node.kind != Node::Kind::map) return wrong();
    for (const Entry& entry : node.entries) {
      std::string key = entry.key;
      std::optional<std::string> value = text_of(entry.value, joined(path, entry.key));
      if (key_allowed(key, entry) && value.has_value()) into->emplace_back(std::move(key), *std::move(value));
    }
  }
  void operator()(std::vector<std::string>* into) const {
    if (node.kind != Node::Kind::list) return wrong();
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (auto text = text_of(node.items[i], fmt::format("{}[{}]", path, i))) into->push_back(*std::move(text));
    }
  }
  void operator()(KvEventsSlot slot) const {
    const std::array<std::pair<std::string_view, std::optional<KvEvents>*>, 3> roles{{
        {"prefill", &slot.backend->prefill_kv_events},
        {"decode", &slot.backend->decode_kv_events},
        {"aggregated", &slot.backend->aggregated_kv_events},
    }};
    if (not_given()) return;
    if (node.kind != Node::Kind::map) {
      const Scalar found = scalar();
      const auto* truth = std::get_if<bool>(&found.value.data);
      if (truth == nullptr) return wrong();
      for (const auto& [name, into] : roles) *into = *truth ? std::optional<KvEvents>(KvEvents{}) : std::nullopt;
      return;
    }
    for (const Entry& entry : node.entries) {
      const auto role = std::ranges::find(roles, entry.key, [](const auto& known) { return known.first; });
      if (role == roles.end()) {
        reader.unknown(entry, path, {"prefill", "decode", "aggregated"});
      } else {
        reader.read_kv_events(entry.value, joined(path, entry.key), *role->second);
      }
    }
  }
  // Flags need the table of their program, which may stand further down: they are read later.
  void operator()(Flags*) const {
    if (node.kind != Node::Kind::map) wrong();
  }
  void operator()(std::optional<Flags>*) const {
    if (node.kind != Node::Kind::map) wrong();
  }

  // A value of a mapping or list.
  std::optional<std::string> text_of(const Node& value, const std::string& value_path) const {
    const Scalar found = value.kind == Node::Kind::scalar ? classify(value) : Scalar{};
    const auto* text = std::get_if<std::string>(&found.value.data);
    if (text == nullptr || !found.doubt.empty()) {
      reader.wrong_type(value_path, "text", value);
      return std::nullopt;
    }
    std::string resolved = *text;
    if (!reader.resolve(resolved, value_path, field.rule, value.place)) return std::nullopt;
    const std::string_view expected = field.rule.check != nullptr ? field.rule.check(resolved) : std::string_view{};
    if (expected.empty()) return resolved;
    reader.findings_.add(value.place, fmt::format("{}: {}, found {}", value_path, expected, describe(value)));
    return std::nullopt;
  }

  bool key_allowed(std::string& key, const Entry& entry) const {
    if (!reader.resolve(key, path, field.rule, entry.place)) return false;
    const TextCheck check = field.rule.key_check != nullptr ? field.rule.key_check : &check_variable;
    if (const std::string_view expected = check(key); !expected.empty()) {
      reader.findings_.add(entry.place, fmt::format("{}: {}, found '{}'", path, expected, key));
      return false;
    }
    const Refused* owned = find(field.rule.owned_keys, key);
    if (owned == nullptr) return true;
    reader.findings_.add(entry.place, fmt::format("'{}' in {} is set by srtctl itself", key, path), std::string(owned->why));
    return false;
  }

  bool allowed(const std::string& text) const {
    const Rule& rule = field.rule;
    std::string what;
    std::string hint;
    if (const Refused* refused = find(rule.refused, text); refused != nullptr) {
      what = fmt::format("{} '{}' is not supported: {}", path, text, refused->why);
      hint = fmt::format("use one of {}", fmt::join(rule.choices, ", "));
    } else if (!rule.choices.empty() && std::ranges::find(rule.choices, text) == rule.choices.end()) {
      std::vector<std::string_view> all(rule.choices.begin(), rule.choices.end());
      hint = did_you_mean(text, all);
      const std::string_view one_of = all.size() > 1 ? "one of " : "";
      what = fmt::format("{}: expected {}{}, found '{}'", path, one_of, fmt::join(all, ", "), text);
    } else if (rule.check != nullptr) {
      const std::string_view expected = rule.check(text);
      if (!expected.empty()) what = fmt::format("{}: {}, found {}", path, expected, describe(node));
    }
    if (what.empty()) return true;
    reader.findings_.add(node.place, std::move(what), std::move(hint));
    reader.spoil(path);
    return false;
  }
};

// Puts values in the place of environment variables and aliases; false: a variable is not set.
bool SectionReader::resolve(std::string& text, const std::string& path, const Rule& rule, const Place& place) {
  if (rule.expand) {
    std::vector<std::string> unset;
    text = expand_variables(text, unset);
    if (!unset.empty()) {
      findings_.add(place, fmt::format("{}: the environment variable '{}' is not set", path, unset.front()),
                    "set it, or write the value here");
      spoil(path);
      return false;
    }
  }
  if (rule.aliases == nullptr) return true;
  const StringMap& aliases = aliases_.*rule.aliases;
  const auto found = std::ranges::find(aliases, text, &StringMap::value_type::first);
  if (found != aliases.end()) text = found->second;
  return true;
}

void SectionReader::read_field(const BoundField& field, const Entry& entry, const std::string& path) {
  std::visit(Target{*this, field, entry.value, path}, field.slot);
}

// true, false, or {publisher, topic}.
void SectionReader::read_kv_events(const Node& node, const std::string& path, std::optional<KvEvents>& into) {
  if (node.kind == Node::Kind::map) {
    static constexpr auto kPublishers = std::to_array<std::string_view>({"zmq"});
    KvEvents events;
    const BoundSection section{
        .key = "kv_events_config",
        .doc = "KV cache events of one role",
        .fields = {{"publisher", &events.publisher, {.doc = "how they are published", .choices = kPublishers}},
                   {"topic", &events.topic, {.doc = "their topic", .check = &check_word}}}};
    read(section, node, path, node.place);
    into = events;
    return;
  }
  const Scalar found = node.kind == Node::Kind::scalar ? classify(node) : Scalar{};
  const auto* truth = std::get_if<bool>(&found.value.data);
  if (truth == nullptr) return wrong_type(path, "true, false or a mapping of publisher and topic", node);
  if (*truth) into = KvEvents{};
}

}  // namespace infbench::recipe
