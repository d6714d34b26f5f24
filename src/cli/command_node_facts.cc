// node-facts: what this node says of itself, one line of JSON. Started on every node of an allocation by ask_nodes().
#include <cstdio>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "launch/slurm_nodes.h"

namespace infbench::cli {

ExitCode run(const NodeFactsOptions& options) {
  const auto facts = launch::own_node_facts(options.interface);
  if (!facts) return report_errors(facts.error(), ExitCode::cannot_launch);
  fmt::print("{}\n", launch::to_json(*facts));
  return ExitCode::success;
}

}  // namespace infbench::cli
