// Policies by name: the one table of what there is. Pure, usable from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "route/parameters.h"
#include "route/policy.h"

namespace infbench::route {

// A new policy that knows of no worker yet. An unknown name, and parameters out of range, are errors.
Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const PolicyParameters& parameters);

// A mode of assigning keys by its name in sglang-router: random, min_load, min_group.
std::optional<PolicyParameters::AssignmentMode> assignment_mode(std::string_view name);

// An order of kv's queue by its name in Dynamo: fcfs, lcfs, wspt.
std::optional<PolicyParameters::QueueOrder> queue_order(std::string_view name);

// All of them, in order of the alphabet.
std::vector<std::string_view> policy_names();

}  // namespace infbench::route
