// submit: check every recipe, find its trace, then run one after the other, here or on Slurm.
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "cli/submit_run.h"
#include "cli/submit_slurm.h"
#include "launch/guard.h"
#include "launch/slurm.h"
#include "launch/slurm_nodes.h"
#include "recipe/cluster.h"
#include "recipe/local_paths.h"
#include "recipe/read_recipe.h"
#include "report/html.h"

namespace infbench::cli {
namespace {

void append(Errors& errors, const Errors& more) { errors.insert(errors.end(), more.begin(), more.end()); }

Result<std::string> choose_launcher(const SubmitOptions& options) {
  if (!options.launcher.empty()) return options.launcher;
  if (launch::slurm_is_here()) return std::string("slurm");
  return fail("there is no Slurm here: sbatch is not in $PATH",
              "run the recipe on this machine with --launcher local, or in virtual time with `srtctl simulate`");
}

// A recipe that has been checked, with its trace.
struct Runnable {
  recipe::Recipe recipe;
  std::string trace;
};

Result<std::vector<Runnable>> read_all(const SubmitOptions& options, const recipe::Cluster& cluster) {
  std::vector<Runnable> all;
  Errors errors;
  for (const std::string& selector : options.recipes) {
    auto recipes = recipe::read_recipes(selector, options.edits, cluster);
    if (!recipes) append(errors, recipes.error());
    for (recipe::Recipe& recipe : recipes ? *recipes : std::vector<recipe::Recipe>()) {
      append(errors, recipe::check_local_paths(recipe, cluster, recipe::PathsFor::starting));
      const auto trace = find_benchmark_trace(recipe, options.trace_dir);
      if (!trace) append(errors, trace.error());
      all.push_back({std::move(recipe), trace.value_or("")});
    }
  }
  if (!errors.empty()) return fail(std::move(errors));
  return all;
}

// What srun needs to know of the allocation that we run in.
Result<void> look_around(SubmitPlace& place) {
  const auto allocation = launch::find_allocation();
  if (!allocation) return fail(allocation.error());
  const auto facts = launch::ask_nodes(*allocation, own_program(), place.cluster.network_interface);
  if (!facts) return fail(facts.error());
  place.inventory = launch::inventory_of(*facts, place.cluster);
  place.job = allocation->job;
  place.ends_s = allocation->end_time_s;
  return {};
}

// Of several recipes' runs in one folder.
std::string folder_of(const recipe::Recipe& recipe) {
  return recipe::folder_name(recipe.variant.empty() ? recipe.name : recipe.name + "," + recipe.variant);
}

// Several recipes' runs side by side; nothing where none was measured.
void write_report_of_all(const std::string& folder) {
  const auto runs = report::run_folders(folder);
  if (runs.empty()) return;
  const auto written = report::write_html_report(runs, folder + "/report.html");
  if (!written) fmt::print(stderr, "{}", format_errors(written.error()));
}

ExitCode run_here(const SubmitOptions& options, const std::vector<Runnable>& recipes, SubmitPlace place) {
  if (place.launcher == "srun") {
    if (const auto looked = look_around(place); !looked) return report_errors(looked.error(), ExitCode::cannot_launch);
  }
  ExitCode code = ExitCode::success;
  std::string documents;
  for (const Runnable& runnable : recipes) {
    if (place.launcher == "local") place.inventory = plan::one_host_inventory(runnable.recipe.nodes(), "127.0.0.1");
    place.output_dir = options.output_dir;
    if (!options.output_dir.empty() && recipes.size() > 1) place.output_dir += "/" + folder_of(runnable.recipe);
    const auto end = run_recipe(runnable.recipe, runnable.trace, place);
    if (!end) return report_errors(end.error(), ExitCode::cannot_launch);
    documents += (documents.empty() ? "" : ",") + end->json;
    if (!options.json) fmt::print("{}", end->text);
    if (code == ExitCode::success) code = end->code;
    if (end->interrupted) break;
  }
  if (options.json) fmt::print("{{\"runs\":[{}]}}\n", documents);
  if (recipes.size() > 1 && !options.output_dir.empty()) write_report_of_all(options.output_dir);
  return code;
}

}  // namespace

ExitCode run(const SubmitOptions& options) {
  const auto launcher = choose_launcher(options);
  if (!launcher) return report_errors(launcher.error());
  auto cluster = recipe::read_own_cluster();
  if (!cluster) return report_errors(cluster.error());
  const auto recipes = read_all(options, *cluster);
  if (!recipes) return report_errors(recipes.error());
  if (*launcher == "slurm") {
    std::vector<recipe::Recipe> all;
    for (const Runnable& one : *recipes) all.push_back(one.recipe);
    return submit_to_slurm(options, all, *cluster);
  }
  SubmitPlace place;
  place.launcher = *launcher;
  place.cluster = *std::move(cluster);
  return run_here(options, *recipes, std::move(place));
}

ExitCode run(const GuardOptions& options) {
  return launch::guard_main(options.run_id) == 0 ? ExitCode::success : ExitCode::worker_failed;
}

}  // namespace infbench::cli
