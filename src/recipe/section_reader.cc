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

// Whether a value says that the thing is not wanted: null, false, nothing at all, or a section with enabled: false or type:
// none.
bool turned_off(const Node& node) {
  const auto is = [](const Node* value, std::string_view text) {
    return value != nullptr && value->kind == Node::Kind::scalar && value->text == text;
  };
  const auto inner = [&](std::string_view key) {
    const Entry* entry = node.find(key);
    return entry != nullptr ? &entry->value : nullptr;
  };
  if (node.kind == Node::Kind::null || (node.plain && is(&node, "false"))) return true;
  if (node.kind == Node::Kind::list) return node.items.empty();
  return node.kind == Node::Kind::map && (node.entries.empty() || is(inner("enabled"), "false") || is(inner("type"), "none"));
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

bool SectionReader::fine(std::string_view path) const {
  while (true) {
    if (bad_.contains(path)) return false;
    const std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return true;
    path = path.substr(0, dot);
  }
}

void SectionReader::wrong_type(const std::string& path, std::string_view expected, const Node& found) {
  findings_.add(found.place, fmt::format("{}: expected {}, found {}", path.empty() ? whole_ : path, expected, describe(found)),
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

void SectionReader::unknown_key(const BoundSection& section, const Entry& entry, const std::string& path) {
  if (std::ranges::find(section.ignored, entry.key) != section.ignored.end()) return;
  const auto refused = std::ranges::find(section.refused, entry.key, &Refused::name);
  if (refused != section.refused.end()) {
    if (turned_off(entry.value)) return;
    findings_.add(entry.place, fmt::format("'{}' is not supported: {}", joined(path, entry.key), refused->why), "remove it");
    return;
  }
  std::vector<std::string_view> known;
  for (const BoundField& field : section.fields) known.push_back(field.key);
  for (const BoundSection& inner : section.sections) known.push_back(inner.key);
  unknown(entry, path, known);
}

void SectionReader::unknown(const Entry& entry, const std::string& path, const std::vector<std::string_view>& known) {
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
