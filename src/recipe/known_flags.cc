#include "recipe/known_flags.h"

#include <algorithm>

namespace infbench::recipe {

const KnownFlag* FlagTable::find(std::string_view name) const {
  const auto at = std::lower_bound(flags.begin(), flags.end(), name,
                                   [](const KnownFlag& flag, std::string_view wanted) { return flag.name < wanted; });
  return at != flags.end() && at->name == name ? &*at : nullptr;
}

bool FlagTable::is_planned(std::string_view name) const { return std::ranges::find(planned, name) != planned.end(); }

std::vector<std::string_view> FlagTable::names() const {
  std::vector<std::string_view> out;
  for (const KnownFlag& flag : flags) {
    if (!is_planned(flag.name)) out.push_back(flag.name);
  }
  return out;
}

std::string canonical_flag(std::string_view key, const FlagTable& table) {
  std::string name(key);
  std::ranges::replace(name, '_', '-');
  for (const FlagAlias& alias : table.aliases) {
    if (alias.alias == name) return std::string(alias.name);
  }
  return name;
}

}  // namespace infbench::recipe
