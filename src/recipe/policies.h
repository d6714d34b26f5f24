// The names of the routing policies, as a table: which frontend has them, and whether the virtual cluster models them yet.
// Constant data, usable from any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace infbench::recipe {

struct PolicyInfo {
  std::string_view name;
  bool sglang = false;          // sglang-router has it, for every stage
  bool sglang_prefill = false;  // sglang-router has it as --prefill-policy
  bool srtctl = false;          // our own gateway has it, for every stage
  bool srtctl_prefill = false;  // our own gateway has it for prefill workers
  bool modelled = false;        // simulate has it
  std::string_view what;        // what it does, in one line
};

std::span<const PolicyInfo> policies();

const PolicyInfo* find_policy(std::string_view name);  // null: there is none of this name

// Those that a frontend of this type has, in the order of the table; `prefill`: as its prefill policy.
std::vector<std::string_view> policies_of(std::string_view frontend_type, bool prefill);

}  // namespace infbench::recipe
