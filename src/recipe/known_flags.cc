#include "recipe/known_flags.h"

#include <algorithm>

namespace infbench::recipe {

const KnownFlag* FlagTable::find(std::string_view name) const {
  const auto exactly = [&](std::string_view wanted) -> const KnownFlag* {
    const auto at = std::ranges::lower_bound(flags, wanted, {}, &KnownFlag::name);
    return at != flags.end() && at->name == wanted ? &*at : nullptr;
  };
  constexpr std::string_view kNo = "no-";
  if (const KnownFlag* found = exactly(name); found != nullptr || !negatable || !name.starts_with(kNo)) return found;
  const KnownFlag* positive = exactly(name.substr(kNo.size()));
  return positive != nullptr && positive->type == FlagType::truth ? positive : nullptr;
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
