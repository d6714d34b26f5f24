#include "cli/options_study.h"

#include <CLI/CLI.hpp>

#include "cli/options_rules.h"

namespace infbench::cli {

void add_study(CLI::App& command, StudyOptions& options, bool compare) {
  if (compare) {
    command
        .add_option(
            "--grid", options.grids,
            "Run each recipe with each of these values; several --grid: with each combination. KEY is speed, seed, policy, "
            "or a recipe key as in --set")
        ->type_name("KEY=V1,V2,...")
        ->allow_extra_args(false);
  }
  command.add_flag("--explain", options.explain, "Say where the time of requests that missed a limit went");
  command
      .add_option("--draws", options.draws,
                  "Repeat N times with step times drawn from their uncertainty and other seeds, and say which order is decided")
      ->check(whole_number(1, 10000))
      ->type_name("N");
  command.add_option("--find", options.find, "Search the highest speed at which each recipe still meets --require")
      ->check(one_of({"speed"}))
      ->type_name("speed");
  command.add_option("--require", options.require, "Goal of --find, as goodput_fraction>=0.9")
      ->type_name("FIGURE>=X")
      ->allow_extra_args(false);
  command.add_option("-j,--jobs", options.jobs, "Threads for several runs; default: one for each core")
      ->check(whole_number(1, 1024))
      ->type_name("N");
}

std::string study_mistake(const StudyOptions& options, bool writes_files) {
  if (options.find.empty()) return options.require.empty() ? "" : "--require is the goal of --find speed";
  if (options.require.empty()) return "--find needs a goal, as in --require 'goodput_fraction>=0.9'";
  if (options.draws > 0 || options.explain || writes_files) return "--find goes without --draws, --explain and --output";
  return {};
}

}  // namespace infbench::cli
