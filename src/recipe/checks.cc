#include "recipe/checks.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace infbench::recipe {
namespace {

// The entry at a dotted path, and the last one on the way there that there is.
std::pair<const Entry*, const Entry*> walk(const Node& root, std::string_view path) {
  const Node* node = &root;
  const Entry* last = nullptr;
  while (true) {
    const std::size_t dot = path.find('.');
    const Entry* entry = node->find(path.substr(0, dot));
    if (entry == nullptr) return {nullptr, last};
    if (dot == std::string_view::npos) return {entry, entry};
    last = entry;
    node = &entry->value;
    path.remove_prefix(dot + 1);
  }
}

bool any_given(const Checked& checked, std::span<const std::string_view> paths) {
  return std::ranges::any_of(paths, [&](std::string_view path) { return checked.given(path); });
}

}  // namespace

const Entry* Checked::entry(std::string_view path) const {
  const Entry* found = walk(root, path).first;
  return found != nullptr && found->value.kind != Node::Kind::null ? found : nullptr;
}

const BoundSection& Checked::schema_of(std::string_view key) const {
  const auto found = std::ranges::find(schema.sections, key, &BoundSection::key);
  INFBENCH_CHECK(found != schema.sections.end());
  return *found;
}

Place Checked::key_place(std::string_view path) const {
  const Entry* last = walk(root, path).second;
  return last != nullptr ? last->place : root.place;
}

Place Checked::value_place(std::string_view path) const {
  const Entry* found = entry(path);
  return found != nullptr ? found->value.place : key_place(path);
}

bool asks_aggregated(const Checked& checked) {
  constexpr auto kPaths =
      std::to_array<std::string_view>({"resources.agg_nodes", "resources.agg_workers", "resources.gpus_per_agg"});
  return any_given(checked, kPaths);
}

bool asks_disaggregated(const Checked& checked) {
  constexpr auto kPaths =
      std::to_array<std::string_view>({"resources.prefill_nodes", "resources.prefill_workers", "resources.gpus_per_prefill",
                                       "resources.decode_nodes", "resources.decode_workers", "resources.gpus_per_decode"});
  return any_given(checked, kPaths);
}

void check_all(const Checked& checked) {
  check_job(checked);
  check_workers(checked);
  check_engine(checked);
  check_frontend(checked);
  check_benchmark(checked);
}

}  // namespace infbench::recipe
