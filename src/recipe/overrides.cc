#include "recipe/overrides.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "recipe/known_flags.h"

namespace infbench::recipe {
namespace {

constexpr int kPrefix = 6;  // "--set ", which errors show before the text

struct Segment {
  std::string key;
  int column = 0;
};

std::vector<Segment> split_path(std::string_view path) {
  std::vector<Segment> segments;
  int column = kPrefix + 1;
  while (true) {
    const std::size_t dot = path.find('.');
    segments.push_back({std::string(path.substr(0, dot)), column});
    if (dot == std::string_view::npos) return segments;
    column += static_cast<int>(dot) + 1;
    path.remove_prefix(dot + 1);
  }
}

// Flags are the same whether written with '_' or '-', so an override must find them under either.
bool same_key(std::string_view have, std::string_view wanted, bool is_flag) {
  if (!is_flag) return have == wanted;
  return canonical_flag(have, sglang_server_flags()) == canonical_flag(wanted, sglang_server_flags());
}

bool holds_flags(std::string_view parent) { return parent == "frontend.args" || parent.starts_with("backend.sglang_config."); }

// The entry of this key, made when there is none. Null: `node` cannot have keys; that is written down.
Entry* step_into(Node& node, const Segment& segment, const std::string& parent, const Place& place, Findings& findings) {
  if (node.kind == Node::Kind::null) {
    node.kind = Node::Kind::map;
    node.place = place;
  }
  if (node.kind != Node::Kind::map) {
    findings.add(place, fmt::format("'{}' cannot be set: {} is not a section", segment.key, parent));
    return nullptr;
  }
  const auto found = std::ranges::find_if(
      node.entries, [&](const Entry& entry) { return same_key(entry.key, segment.key, holds_flags(parent)); });
  if (found != node.entries.end()) return &*found;
  node.entries.push_back({segment.key, place, {}});
  node.entries.back().value.place = place;
  return &node.entries.back();
}

void apply(const std::string& set, int source, Node& root, Findings& findings) {
  const auto at = [&](int column) { return Place{source, source, column}; };
  const std::size_t equals = set.find('=');
  if (equals == std::string::npos || equals == 0) {
    findings.add(at(kPrefix + 1), "expected key=value", "write it as --set frontend.args.policy=round_robin");
    return;
  }
  const std::vector<Segment> segments = split_path(std::string_view(set).substr(0, equals));
  const auto empty = std::ranges::find(segments, std::string{}, &Segment::key);
  if (empty != segments.end()) {
    findings.add(at(empty->column), "expected a key, found nothing", "write keys with one dot between them");
    return;
  }
  const Place value_place = at(kPrefix + static_cast<int>(equals) + 2);
  const std::optional<Tree> value = parse_yaml(std::string_view(set).substr(equals + 1), value_place, findings);
  if (value.has_value() && !value->complete) return;

  Node* node = &root;
  Entry* entry = nullptr;
  std::string parent;
  for (const Segment& segment : segments) {
    entry = step_into(*node, segment, parent, at(segment.column), findings);
    if (entry == nullptr) return;
    node = &entry->value;
    parent += (parent.empty() ? "" : ".") + segment.key;
  }
  entry->place = at(segments.back().column);
  entry->value = value.has_value() ? value->root : Node{};
  if (!value.has_value()) entry->value.place = value_place;
}

}  // namespace

void apply_overrides(std::span<const std::string> sets, Node& root, Findings& findings) {
  for (const std::string& set : sets) {
    const int source = findings.add_set(set);
    apply(set, source, root, findings);
  }
}

}  // namespace infbench::recipe
