// Study: all runs that one simulate or compare asks for, on all cores: each case once, each case in each draw, or a search over
// the speed. Results are in the order of the cases, whatever the number of threads.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "cli/cases.h"
#include "cli/requirement.h"
#include "report/draws.h"
#include "report/find.h"

namespace infbench::cli {

// `keep`: called on each run as it ends, on its thread, to take what is not worth keeping; may be empty.
Result<std::vector<SimulatedRun>> run_cases(std::span<const Case> cases, const Traffic& traffic, unsigned jobs,
                                            const std::function<void(SimulatedRun&)>& keep);

// Draw k is the same world for all cases: step times drawn with number k, and the case's seed + 1 + k.
Result<report::Draws> run_draws(std::span<const Case> cases, const Traffic& traffic, std::uint32_t draws, unsigned jobs,
                                std::vector<std::string> labels);

// The highest speed at which each case meets all goals, to 1 in 100: from the case's speed by doubling or halving to where it
// changes (0.001 to 100000), then by bisection. A figure need not fall steadily with the speed: what is found is one such
// change.
Result<std::vector<report::Found>> find_speeds(std::span<const Case> cases, const Traffic& traffic,
                                               std::span<const Requirement> goals, unsigned jobs);

}  // namespace infbench::cli
