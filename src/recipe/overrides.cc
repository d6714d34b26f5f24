#include "recipe/overrides.h"

#include <algorithm>

#include <fmt/format.h>

#include "recipe/known_flags.h"

namespace infbench::recipe {
namespace {

// Those of the program that gets what stands in the map at this path; null: it holds no flags.
const FlagTable* flags_at(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  const std::string_view parent = path.substr(0, dot == std::string_view::npos ? 0 : dot);
  if (parent == "backend.sglang_config") return &sglang_server_flags();
  if (parent == "backend.vllm_config") return &vllm_server_flags();
  if (path == "frontend.args") return &sglang_router_flags();
  if (path == "benchmark.aiperf_args") return &aiperf_flags();
  return nullptr;
}

std::string_view option_of(Edit::Kind kind) { return kind == Edit::Kind::set ? "--set" : "--unset"; }

std::vector<std::string_view> keys_of(const Node& map) {
  std::vector<std::string_view> keys;
  for (const Entry& entry : map.entries) keys.push_back(entry.key);
  return keys;
}

}  // namespace

std::string join_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

Entry* find_key(Node& map, std::string_view path, std::string_view key) {
  const FlagTable* flags = flags_at(path);
  if (flags == nullptr) return map.find(key);
  const std::string wanted = canonical_flag(key, *flags);
  const auto found =
      std::ranges::find_if(map.entries, [&](const Entry& entry) { return canonical_flag(entry.key, *flags) == wanted; });
  return found != map.entries.end() ? &*found : nullptr;
}

TreeEdits::TreeEdits(std::span<const Edit> edits, Findings& findings) : findings_(findings) {
  for (const Edit& edit : edits) {
    const int source = findings.add_edit(option_of(edit.kind), edit.text);
    if (auto good = read(edit, source)) edits_.push_back(*std::move(good));
  }
}

std::optional<TreeEdits::ReadEdit> TreeEdits::read(const Edit& edit, int source) {
  const int begin = static_cast<int>(option_of(edit.kind).size()) + 2;  // the column of the text as errors show it
  const auto at = [&](std::size_t offset) { return Place{source, source, begin + static_cast<int>(offset)}; };
  const bool sets = edit.kind == Edit::Kind::set;
  const std::size_t equals = edit.text.find('=');
  if (sets && (equals == std::string::npos || equals == 0)) {
    findings_.add(at(0), "expected key=value", "write it as --set frontend.args.policy=round_robin");
    return std::nullopt;
  }
  if (!sets && equals != std::string::npos) {
    findings_.add(at(equals), "expected a key, found key=value", "write --set to change a value");
    return std::nullopt;
  }
  ReadEdit out{.kind = edit.kind, .source = source, .path = {}, .value = {}, .unfound = {}};
  const std::string_view path = std::string_view(edit.text).substr(0, equals);
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    out.path.push_back({std::string(path.substr(from, dot - from)), begin + static_cast<int>(from)});
    from = dot + 1;
  }
  const auto empty = std::ranges::find(out.path, std::string{}, &Segment::key);
  if (empty != out.path.end()) {
    findings_.add({source, source, empty->column}, "expected a key, found nothing", "write keys with one dot between them");
    return std::nullopt;
  }
  if (sets && !read_value(std::string_view(edit.text).substr(equals + 1), at(equals + 1), out)) return std::nullopt;
  return out;
}

bool TreeEdits::read_value(std::string_view text, const Place& place, ReadEdit& into) {
  std::optional<Tree> value = parse_yaml(text, place, findings_);
  if (value.has_value() && !value->complete) return false;
  if (value.has_value()) into.value = std::move(value->root);
  if (!value.has_value()) into.value.place = place;
  return true;
}

void TreeEdits::apply(Node& root) {
  for (ReadEdit& edit : edits_) {
    if (edit.kind == Edit::Kind::set) {
      set(edit, root);
    } else {
      unset(edit, root);
    }
  }
}

void TreeEdits::set(const ReadEdit& edit, Node& root) {
  Node* node = &root;
  Entry* entry = nullptr;
  std::string path;
  for (const Segment& segment : edit.path) {
    const Place place{edit.source, edit.source, segment.column};
    if (node->kind == Node::Kind::null) {
      node->kind = Node::Kind::map;
      node->place = place;
    }
    if (node->kind != Node::Kind::map) {
      findings_.add(place, fmt::format("'{}' cannot be set: {} is not a section", segment.key, path));
      return;
    }
    entry = find_key(*node, path, segment.key);
    if (entry == nullptr) {
      entry = &node->entries.emplace_back(Entry{segment.key, place, {}});
      entry->value.place = place;
    }
    node = &entry->value;
    path = join_path(path, segment.key);
  }
  entry->place = {edit.source, edit.source, edit.path.back().column};
  entry->value = edit.value;
}

void TreeEdits::unset(ReadEdit& edit, Node& root) {
  Node* node = &root;
  std::string path;
  for (const Segment& segment : edit.path) {
    Entry* entry = node->kind == Node::Kind::map ? find_key(*node, path, segment.key) : nullptr;
    if (entry == nullptr) {
      if (edit.unfound.has_value() || edit.found) return;
      const std::string where = path.empty() ? "the recipe" : path;
      const std::string what = fmt::format("'{}' cannot be unset: {} has no such key", segment.key, where);
      const std::size_t before = findings_.size();
      findings_.add({edit.source, edit.source, segment.column}, what, did_you_mean(segment.key, keys_of(*node)));
      edit.unfound = findings_.cut(before).front();
      return;
    }
    if (&segment == &edit.path.back()) {
      node->entries.erase(node->entries.begin() + (entry - node->entries.data()));
      edit.found = true;
      return;
    }
    node = &entry->value;
    path = join_path(path, segment.key);
  }
}

void TreeEdits::report_unfound() {
  for (ReadEdit& edit : edits_) {
    if (!edit.found && edit.unfound.has_value()) findings_.put(*std::move(edit.unfound));
  }
}

}  // namespace infbench::recipe
