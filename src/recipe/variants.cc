#include "recipe/variants.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/hash.h"
#include "recipe/overrides.h"
#include "recipe/scalar.h"

namespace infbench::recipe {
namespace {

constexpr std::string_view kOverride = "override_";
constexpr std::string_view kZip = "zip_override_";
constexpr std::size_t kMostNames = 20;   // of variants listed in an error
constexpr std::size_t kMostSuffix = 64;  // bytes added to a recipe's name
constexpr std::string_view kNameMarks = "._-";

bool is_section(std::string_view key) { return key.starts_with(kOverride) || key.starts_with(kZip); }

std::string_view suffix_of(std::string_view section) {
  return section.substr(section.starts_with(kZip) ? kZip.size() : kOverride.size());
}

// A list of a zip_override with the keys that lead to it.
struct ZipList {
  const Node* list = nullptr;
  std::string path;
};

void collect_lists(const Node& node, const std::string& path, std::vector<ZipList>& out) {
  for (const Entry& entry : node.entries) {
    const std::string inner = join_path(path, entry.key);
    if (entry.value.kind == Node::Kind::list) out.push_back({&entry.value, inner});
    if (entry.value.kind == Node::Kind::map) collect_lists(entry.value, inner, out);
  }
}

// The length that most lists have, of those with more than one value; the first of them when it is a tie.
const ZipList& typical(const std::vector<ZipList>& lists) {
  const auto count = [&](const ZipList& of) {
    const std::size_t size = of.list->items.size();
    return size == 1 ? 0 : std::ranges::count_if(lists, [&](const ZipList& l) { return l.list->items.size() == size; });
  };
  return *std::ranges::max_element(lists, {}, count);
}

// How many recipes a zip_override is; 0: it is wrong.
std::size_t zip_length(const Entry& section, Findings& findings) {
  std::vector<ZipList> lists;
  collect_lists(section.value, "", lists);
  if (lists.empty()) {
    findings.add(section.place, fmt::format("{}: expected at least one list of values, found none", section.key),
                 fmt::format("name it override_{} if it is one recipe", suffix_of(section.key)));
    return 0;
  }
  const ZipList& most = typical(lists);
  const std::size_t length = most.list->items.size();
  bool good = true;
  for (const ZipList& other : lists) {
    const std::size_t size = other.list->items.size();
    if (size == 1 || (size == length && size > 0)) continue;
    good = false;
    if (size == 0) {
      findings.add(other.list->place,
                   fmt::format("{}.{}: expected a value per recipe, found an empty list", section.key, other.path),
                   "to set a key to an empty list write [[]]");
    } else {
      findings.add(other.list->place,
                   fmt::format("{}.{}: expected {} values, as {} on line {} has, found {}", section.key, other.path, length,
                               most.path, most.list->place.line, size),
                   "give all lists the same length; one value counts for all recipes");
    }
  }
  return good ? length : 0;
}

// Everything but lists as it is, of each list its value for this recipe.
Node slice(const Node& node, std::size_t index) {
  if (node.kind == Node::Kind::list) return node.items[node.items.size() == 1 ? 0 : index];
  if (node.kind != Node::Kind::map) return node;
  Node out;
  out.kind = Node::Kind::map;
  out.flow = node.flow;
  out.place = node.place;
  for (const Entry& entry : node.entries) out.entries.push_back({entry.key, entry.place, slice(entry.value, index)});
  return out;
}

void report_nothing_to_delete(const Entry& entry, const Node& map, const std::string& path, Findings& findings) {
  std::vector<std::string_view> keys;
  for (const Entry& have : map.entries) keys.push_back(have.key);
  const std::string where = path.empty() ? "" : fmt::format(" in {}", path);
  findings.add(entry.place, fmt::format("null takes '{}' away, but the base has no such key{}", entry.key, where),
               did_you_mean(entry.key, keys));
}

// `strict`: a null for a key that is not there is a slip. (In a zip_override it may be meant for the recipes next to it.)
void merge(Node& into, const Node& over, const std::string& path, bool strict, Findings& findings) {
  for (const Entry& entry : over.entries) {
    Entry* have = find_key(into, path, entry.key);
    if (entry.value.kind == Node::Kind::null) {
      if (have != nullptr) into.entries.erase(into.entries.begin() + (have - into.entries.data()));
      if (have == nullptr && strict) report_nothing_to_delete(entry, into, path, findings);
    } else if (have == nullptr) {
      into.entries.push_back(entry);
    } else if (have->value.kind == Node::Kind::map && entry.value.kind == Node::Kind::map) {
      merge(have->value, entry.value, join_path(path, entry.key), strict, findings);
    } else {
      *have = entry;
    }
  }
}

// The sections of a file with variants, checked, in the order of their recipes.
std::vector<const Entry*> sections_of(const Tree& tree, Findings& findings) {
  std::vector<const Entry*> sections;
  for (const Entry& entry : tree.root.entries) {
    if (entry.key == "base" || is_section(entry.key)) {
      if (tree.root.find(entry.key) != &entry) continue;  // a duplicate, which has been told
      if (entry.value.kind == Node::Kind::map && (entry.key == "base" || !suffix_of(entry.key).empty())) {
        if (entry.key != "base") sections.push_back(&entry);
      } else if (entry.value.kind != Node::Kind::map) {
        findings.add(entry.value.place,
                     fmt::format("{}: expected a mapping of keys, found {}", entry.key, describe(entry.value)));
      } else {
        findings.add(entry.place, fmt::format("expected a name after '{}'", entry.key), "write override_NAME");
      }
    } else {
      const std::vector<std::string_view> known{"base"};
      std::string hint = did_you_mean(entry.key, known);
      if (hint.empty()) hint = "move it into base; beside base only override_NAME and zip_override_NAME may stand";
      findings.add(entry.place, fmt::format("unknown key '{}' beside base", entry.key), std::move(hint));
    }
  }
  const auto order = [](const Entry* entry) { return std::pair(entry->key.starts_with(kZip), std::string_view(entry->key)); };
  std::ranges::sort(sections, {}, order);
  return sections;
}

// Which of the variants a selector without a sweep's point means.
bool selects(std::string_view selector, const VariantRef& variant) {
  if (selector.empty()) return true;
  return matches_glob(variant.section, selector) || matches_glob(variant.name, selector);
}

// What a selector says about sections. One that says something of a sweep's point only means every section.
std::string_view section_pattern(std::string_view selector) {
  if (selector.find('=') == std::string_view::npos) return selector;
  const std::string_view section = selector.substr(0, selector.find(','));
  return section.find('=') == std::string_view::npos ? section : std::string_view{};
}

void report_no_match(std::string_view selector, const std::vector<VariantRef>& all, Findings& findings) {
  std::vector<std::string_view> names{"base"};
  for (const VariantRef& variant : all) {
    if (variant.index.value_or(0) == 0) names.push_back(variant.section);
    if (variant.index.has_value()) names.push_back(variant.name);
  }
  std::string hint = did_you_mean(selector, names);
  if (hint.empty()) {
    const std::size_t shown = std::min(names.size(), kMostNames);
    hint = fmt::format("there are {}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
    if (shown < names.size()) hint += fmt::format(" and {} more", names.size() - shown);
  }
  findings.add({0, 0, 0}, fmt::format("no recipe of this file is '{}'", selector), std::move(hint));
}

// Of a file without base: overrides have nothing to be merged into.
std::vector<VariantRef> find_plain(const Tree& tree, Findings& findings) {
  for (const Entry& entry : tree.root.entries) {
    if (!is_section(entry.key) || !tree.complete) continue;
    findings.add(entry.place, fmt::format("'{}' needs a base, found none", entry.key), "put the recipe itself under base:");
  }
  return {VariantRef{.name = {}, .section = {}, .index = {}}};
}

void add_to_name(Node& root, const std::string& suffix) {
  Entry* name = root.find("name");
  if (name == nullptr || name->value.kind != Node::Kind::scalar) return;
  name->value.text += "_" + fit_name(suffix, kNameMarks, kMostSuffix);
}

}  // namespace

bool matches_glob(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;  // the last '*' seen, and where its text ends
  std::size_t covered = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      covered = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++covered;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string fit_name(std::string_view text, std::string_view marks, std::size_t most) {
  std::string out(text);
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  };
  std::ranges::replace_if(out, std::not_fn(fits), '-');
  if (out == text && out.size() <= most) return out;
  const std::string hash = fmt::format("-{:016x}", hash_bytes(text));
  out.resize(std::min(out.size(), most - hash.size()));
  return out + hash;
}

std::string folder_name(std::string_view variant) {
  constexpr std::size_t kMost = 100;
  std::string name(variant);
  const std::size_t end = name.find("],") != std::string::npos ? name.find("],") : name.size() - (name.ends_with(']') ? 1 : 0);
  const std::size_t open = name.rfind('[', end);
  if (name.starts_with(kZip) && open < end && end < name.size()) {
    name.erase(end, 1);
    name[open] = '_';
  }
  return fit_name(name, "._-=,+", kMost);
}

std::vector<VariantRef> find_variants(const Tree& tree, std::string_view selector, Findings& findings) {
  const Entry* base = tree.root.find("base");
  if (base == nullptr) return find_plain(tree, findings);
  const std::vector<const Entry*> sections = sections_of(tree, findings);
  if (base->value.kind != Node::Kind::map) return {};
  const std::string_view pattern = section_pattern(selector);
  const VariantRef whole{.name = "base", .section = "base", .index = {}};
  if (pattern == "base" || (pattern.empty() && sections.empty())) return {whole};
  std::vector<VariantRef> all;
  std::vector<VariantRef> found;
  bool broken = false;
  const auto add = [&](VariantRef variant) {
    if (selects(pattern, variant)) found.push_back(variant);
    all.push_back(std::move(variant));
  };
  for (const Entry* section : sections) {
    if (!section->key.starts_with(kZip)) {
      add({section->key, section->key, {}});
      continue;
    }
    // What is wrong with it counts only when it is asked for.
    const bool asked = selects(pattern.substr(0, pattern.find('[')), {section->key, section->key, {}});
    const std::size_t before = findings.size();
    const std::size_t length = zip_length(*section, findings);
    if (!asked) findings.cut(before);
    broken = broken || (asked && length == 0);
    for (std::size_t i = 0; i < length; ++i) add({fmt::format("{}[{}]", section->key, i), section->key, i});
  }
  if (found.empty() && !broken && tree.complete) report_no_match(pattern, all, findings);
  return found;
}

Node make_variant(const Node& root, const VariantRef& variant, Findings& findings) {
  if (variant.name.empty()) {
    Node plain = root;
    std::erase_if(plain.entries, [](const Entry& entry) { return is_section(entry.key); });
    return plain;
  }
  Node out = root.find("base")->value;
  if (variant.section == "base") return out;
  const Entry& section = *root.find(variant.section);
  const Entry* name = section.value.find("name");
  if (variant.index.has_value()) {
    merge(out, slice(section.value, *variant.index), "", false, findings);
    const bool own_name = name != nullptr && name->value.kind == Node::Kind::list && name->value.items.size() > 1;
    if (!own_name) add_to_name(out, fmt::format("{}_{}", suffix_of(variant.section), *variant.index));
  } else {
    merge(out, section.value, "", true, findings);
    if (name == nullptr) add_to_name(out, std::string(suffix_of(variant.section)));
  }
  return out;
}

}  // namespace infbench::recipe
