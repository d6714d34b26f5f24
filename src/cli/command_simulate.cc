// simulate and compare: the same story, told once or more often.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <set>

#include <fmt/format.h>

#include "base/sha256.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/literal_prompts.h"
#include "cli/simulated_run.h"
#include "cli/synthetic_load.h"
#include "cli/workload.h"
#include "measure/artifacts.h"
#include "report/json.h"
#include "report/terminal.h"
#include "trace/read.h"

namespace infbench::cli {
namespace {

// Those of one -f: simulate runs one recipe, compare all that the file has.
Result<std::vector<recipe::Recipe>> read_all(const std::string& file, const SimulateOptions& options) {
  if (options.compare) return recipe::read_recipes(file, options.edits, {});
  auto recipe = recipe::read_recipe(file, options.edits);
  if (!recipe) return fail(std::move(recipe.error()));
  std::vector<recipe::Recipe> one;
  one.push_back(*std::move(recipe));
  return one;
}

// All recipes are checked before anything runs, and all their errors told at once.
Result<std::vector<Deployment>> prepare_all(const SimulateOptions& options) {
  std::vector<Deployment> deployments;
  Errors errors;
  for (const std::string& file : options.recipes) {
    auto recipes = read_all(file, options);
    if (!recipes) errors.insert(errors.end(), recipes.error().begin(), recipes.error().end());
    if (!recipes) continue;
    for (recipe::Recipe& recipe : *recipes) {
      auto deployment = prepare(std::move(recipe));
      if (deployment) {
        deployments.push_back(*std::move(deployment));
      } else {
        errors.insert(errors.end(), deployment.error().begin(), deployment.error().end());
      }
    }
  }
  if (!errors.empty()) return fail(std::move(errors));
  if (options.compare && deployments.size() < 2) return fail("compare needs at least two recipes", "-f A -f B");
  return deployments;
}

Result<Traffic> synthetic_traffic(const SimulateOptions& options) {
  const auto load = closed_loop_of(options.synthetic);
  if (!load) return fail(load.error());
  Sha256 sha256;  // there is no file: the load's name says all
  sha256.add(options.synthetic);
  return Traffic{.trace = simulate::trace_of(*load),
                 .path = options.synthetic,
                 .sha256 = sha256.finish(),
                 .notes = {},
                 .speed = 1.0,
                 .seed = options.seed,
                 .closed_loop = *load};
}

Result<Traffic> load_traffic(const SimulateOptions& options, const recipe::Recipe& recipe) {
  if (!options.synthetic.empty()) return synthetic_traffic(options);
  TraceSource source = options.trace;
  if (source.file.empty() && source.workload.empty()) source.workload = recipe.benchmark.mooncake_workload;
  auto path = find_trace(source);
  if (!path) return fail(std::move(path.error()));
  trace::ReadOptions reading = literal_prompts();
  reading.needs_output = "a simulated answer needs a length";
  auto read = trace::read_trace(*path, std::move(reading));
  if (!read) return fail(std::move(read.error()));
  return Traffic{.trace = std::move(read->trace),
                 .path = *path,
                 .sha256 = read->sha256,
                 .notes = std::move(read->notes),
                 .speed = options.speed,
                 .seed = options.seed};
}

// One run writes into the folder itself, several each into one of their own, named by recipe.
Result<void> write_all(const std::string& folder, const std::vector<SimulatedRun>& runs) {
  std::set<std::string> taken;
  for (const SimulatedRun& run : runs) {
    std::string place = folder;
    if (runs.size() > 1) {
      std::string name = run.result.info.recipe;
      for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{}-{}", run.result.info.recipe, n);
      place += "/" + name;
    }
    if (auto written = measure::write_artifacts(place, run.result, run.records); !written) return written;
  }
  return {};
}

}  // namespace

ExitCode run(const SimulateOptions& options) {
  const auto deployments = prepare_all(options);
  if (!deployments) return report_errors(deployments.error());
  const auto traffic = load_traffic(options, deployments->front().recipe);
  if (!traffic) return report_errors(traffic.error());

  std::vector<SimulatedRun> runs;
  for (const Deployment& deployment : *deployments) {
    auto run = simulate_run(deployment, *traffic, options.edits);
    if (!run) return report_errors(run.error());
    runs.push_back(*std::move(run));
  }
  if (!options.output_dir.empty()) {
    if (const auto written = write_all(options.output_dir, runs); !written) return report_errors(written.error());
  }

  std::vector<measure::RunResult> results;
  results.reserve(runs.size());
  for (const SimulatedRun& run : runs) results.push_back(run.result);
  fmt::print("{}", options.json ? report::json_report(results) : report::terminal_report(results, wants_color()));
  return ExitCode::success;
}

}  // namespace infbench::cli
