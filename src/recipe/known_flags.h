// The command-line flags of the programs that a recipe passes flags to, as data: names, what value each takes, aliases, and
// which of them are set by the plan and so must not stand in a recipe. Constant data, usable from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infbench::recipe {

enum class FlagType : std::uint8_t { truth, integer, number, text, list };  // list: one or more words after the flag

struct KnownFlag {
  std::string_view name;
  FlagType type = FlagType::text;
};

struct FlagAlias {
  std::string_view alias;
  std::string_view name;
};

// A flag that another program of the kind has and this one does not.
struct RefusedFlag {
  std::string_view name;
  std::string_view why;
};

// One program's flags.
struct FlagTable {
  std::string_view program;          // "sglang 0.5.6.post2"
  std::span<const KnownFlag> flags;  // in order of name
  std::span<const FlagAlias> aliases;
  std::span<const std::string_view> planned;  // set by the plan
  bool negatable = false;                     // a flag of truth has a --no- form as well
  std::span<const RefusedFlag> refused{};

  const KnownFlag* find(std::string_view name) const;  // null: unknown
  bool is_planned(std::string_view name) const;
  std::vector<std::string_view> names() const;  // those a recipe may use
};

const FlagTable& sglang_server_flags();
const FlagTable& vllm_server_flags();
const FlagTable& sglang_router_flags();
const FlagTable& srtctl_route_flags();
std::span<const RefusedFlag> refused_router_flags();  // those of sglang-router that srtctl route has not
std::span<const RefusedFlag> refused_in_recipes();    // and those that it has and recipes cannot use
const FlagTable& aiperf_flags();                      // of `aiperf profile`

// '_' is '-', and an alias is the name it stands for: "tp_size" is "tensor-parallel-size".
std::string canonical_flag(std::string_view key, const FlagTable& table);

}  // namespace infbench::recipe
