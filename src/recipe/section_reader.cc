#include "recipe/section_reader.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipe/scalar.h"
#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

std::string joined(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string shown_path(const std::string& path) { return path.empty() ? "the recipe" : path; }

template <typename T>
bool contains(std::span<const T> all, std::string_view wanted) {
  return std::ranges::find(all, wanted) != all.end();
}

std::string hint_for(std::string_view expected, const Node& found) {
  if (found.kind == Node::Kind::null) return "write a value or remove the key";
  if (found.kind != Node::Kind::scalar) return {};
  const Scalar scalar = classify(found);
  if (!scalar.doubt.empty()) return scalar.doubt;
  if (expected == "text") return fmt::format("write \"{}\" in quotes", found.text);
  if (expected == "an integer" && std::holds_alternative<double>(scalar.value.data)) return "write a whole number";
  if (!found.plain) {
    Node bare = found;
    bare.plain = true;
    if (!std::holds_alternative<std::string>(classify(bare).value.data)) return "remove the quotes";
  }
  return {};
}

// "above 0", "from 1 to 1024", "at least 0"
std::string range_text(const Range& range) {
  const bool open_end = range.most == std::numeric_limits<double>::infinity();
  if (range.above)
    return open_end ? fmt::format("above {}", range.least) : fmt::format("above {} and at most {}", range.least, range.most);
  return open_end ? fmt::format("of at least {}", range.least) : fmt::format("from {} to {}", range.least, range.most);
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
    if (allowed(*text)) *into = std::move(*text);
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
  void operator()(bool* into) const {
    const Scalar found = scalar();
    const auto* truth = std::get_if<bool>(&found.value.data);
    if (truth == nullptr) return wrong();
    *into = *truth;
  }
  void operator()(StringMap* into) const {
    if (node.kind != Node::Kind::map) return wrong();
    for (const Entry& entry : node.entries) {
      const std::string key_path = joined(path, entry.key);
      if (const std::string_view expected = check_variable(entry.key); !expected.empty()) {
        reader.findings_.add(entry.place, fmt::format("{}: {}, found '{}'", path, expected, entry.key));
        continue;
      }
      const Scalar found = entry.value.kind == Node::Kind::scalar ? classify(entry.value) : Scalar{};
      const auto* text = std::get_if<std::string>(&found.value.data);
      if (text == nullptr || !found.doubt.empty()) {
        reader.wrong_type(key_path, "text", entry.value);
      } else {
        into->emplace_back(entry.key, *text);
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

  bool allowed(const std::string& text) const {
    const Rule& rule = field.rule;
    std::string what;
    std::string hint;
    if (contains(rule.later, text)) {
      what = fmt::format("{} '{}' is not supported yet", path, text);
      hint = fmt::format("use {}", fmt::join(rule.choices, " or "));
    } else if (!rule.choices.empty() && !contains(rule.choices, text)) {
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

bool SectionReader::fine(std::string_view path) const {
  while (true) {
    if (bad_.contains(path)) return false;
    const std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return true;
    path = path.substr(0, dot);
  }
}

void SectionReader::wrong_type(const std::string& path, std::string_view expected, const Node& found) {
  findings_.add(found.place, fmt::format("{}: expected {}, found {}", shown_path(path), expected, describe(found)),
                hint_for(expected, found));
  spoil(path);
}

bool SectionReader::in_range(const std::string& path, const Range& range, double number, const Node& found,
                             std::string_view hint) {
  if ((range.above ? number > range.least : number >= range.least) && number <= range.most) return true;
  findings_.add(found.place, fmt::format("{}: expected a number {}, found {}", path, range_text(range), found.text),
                std::string(hint));
  spoil(path);
  return false;
}

void SectionReader::read(const BoundSection& section, const Node& node, const std::string& path, const Place& place) {
  if (node.kind != Node::Kind::map) {
    wrong_type(path, "a section (a mapping of keys)", node);
    return;
  }
  for (const Entry& entry : node.entries) {
    if (node.find(entry.key) != &entry) spoil(joined(path, entry.key));  // a duplicate: which of them is meant is not known
    read_entry(section, entry, path);
  }
  if (complete_) report_missing(section, node, path, place);
}

void SectionReader::read_entry(const BoundSection& section, const Entry& entry, const std::string& path) {
  const auto field = std::ranges::find(section.fields, entry.key, &BoundField::key);
  if (field != section.fields.end()) return read_field(*field, entry, joined(path, entry.key));
  const auto inner = std::ranges::find(section.sections, entry.key, &BoundSection::key);
  if (inner != section.sections.end()) return read(*inner, entry.value, joined(path, entry.key), entry.place);
  unknown_key(section, entry, path);
}

void SectionReader::read_field(const BoundField& field, const Entry& entry, const std::string& path) {
  std::visit(Target{*this, field, entry.value, path}, field.slot);
}

void SectionReader::unknown_key(const BoundSection& section, const Entry& entry, const std::string& path) {
  if (contains(section.later, entry.key)) {
    findings_.add(entry.place, fmt::format("'{}' is not supported yet", joined(path, entry.key)), "remove it");
    return;
  }
  std::vector<std::string_view> known;
  for (const BoundField& field : section.fields) known.push_back(field.key);
  for (const BoundSection& inner : section.sections) known.push_back(inner.key);
  const std::string_view meant = nearest(entry.key, known);
  if (!meant.empty()) spoil(joined(path, meant));  // so that it is not reported as missing as well
  const std::string where = path.empty() ? "" : fmt::format(" in {}", path);
  findings_.add(entry.place, fmt::format("unknown key '{}'{}", entry.key, where),
                meant.empty() ? fmt::format("allowed are {}", fmt::join(known, ", ")) : did_you_mean(entry.key, known));
}

void SectionReader::report_missing(const BoundSection& section, const Node& node, const std::string& path, const Place& place) {
  const auto report = [&](std::string_view key, bool required, std::string_view doc) {
    if (!required || node.find(key) != nullptr || !fine(joined(path, key))) return;
    const std::string where = path.empty() ? "" : fmt::format(" in {}", path);
    findings_.add(place, fmt::format("missing key '{}'{}", key, where), fmt::format("add it: {}", doc));
    spoil(joined(path, key));
  };
  for (const BoundField& field : section.fields) report(field.key, field.rule.required, field.rule.doc);
  for (const BoundSection& inner : section.sections) report(inner.key, inner.required, inner.doc);
}

}  // namespace infbench::recipe
