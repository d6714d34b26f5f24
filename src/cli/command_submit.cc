// submit: check every recipe, find its trace, then run one after the other, here or on Slurm.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/follow_job.h"
#include "cli/job_view.h"
#include "cli/submit_run.h"
#include "launch/guard.h"
#include "launch/slurm.h"
#include "launch/slurm_nodes.h"
#include "recipe/cluster.h"
#include "recipe/read_recipe.h"

namespace infbench::cli {
namespace {

void append(Errors& errors, const Errors& more) { errors.insert(errors.end(), more.begin(), more.end()); }

Result<std::string> choose_launcher(const SubmitOptions& options) {
  if (!options.launcher.empty()) return options.launcher;
  if (launch::slurm_is_here()) return std::string("slurm");
  return fail("there is no Slurm here: sbatch is not in $PATH",
              "run the recipe on this machine with --launcher local, or in virtual time with `srtctl simulate`");
}

Result<recipe::Cluster> read_own_cluster() {
  const std::string file = recipe::find_cluster_file();
  return file.empty() ? recipe::Cluster{} : recipe::read_cluster(file);
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
      const auto trace = find_benchmark_trace(recipe, options.trace_dir);
      if (!trace) append(errors, trace.error());
      all.push_back({std::move(recipe), trace.value_or("")});
    }
  }
  if (!errors.empty()) return fail(std::move(errors));
  return all;
}

// The nodes of this machine's stand-ins: as many as the recipe wants, all of them here.
plan::Inventory local_inventory(int nodes) {
  plan::Inventory inventory = plan::placeholder_inventory(nodes);
  inventory.placeholders = false;
  for (plan::Node& node : inventory.nodes) node.address = "127.0.0.1";
  return inventory;
}

// What srun needs to know of the allocation that we run in.
Result<void> look_around(SubmitPlace& place) {
  const auto allocation = launch::find_allocation();
  if (!allocation) return fail(allocation.error());
  const auto facts = launch::ask_nodes(*allocation, own_program(), place.cluster.network_interface);
  if (!facts) return fail(facts.error());
  place.inventory = launch::inventory_of(*facts, place.cluster);
  place.job = allocation->job;
  return {};
}

// Of several recipes' runs in one folder.
std::string folder_of(const recipe::Recipe& recipe) {
  return recipe::folder_name(recipe.variant.empty() ? recipe.name : recipe.name + "," + recipe.variant);
}

ExitCode run_here(const SubmitOptions& options, const std::vector<Runnable>& recipes, SubmitPlace place) {
  if (place.launcher == "srun") {
    if (const auto looked = look_around(place); !looked) return report_errors(looked.error(), ExitCode::cannot_launch);
  }
  ExitCode code = ExitCode::success;
  std::string documents;
  for (const Runnable& runnable : recipes) {
    if (place.launcher == "local") place.inventory = local_inventory(runnable.recipe.nodes());
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
  return code;
}

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The job reads the resolved recipe from its folder, so what is edited here after this changes nothing.
Result<std::string> hand_over(const recipe::Recipe& recipe, const SubmitPlace& place, const std::string& outputs_dir) {
  plan::Site site;
  site.program = own_program();
  site.cluster = place.cluster;
  site.shared_host = place.cluster.shared_host;
  site.bind = place.cluster.bind;
  return launch::submit_job({.script = plan::batch_script(recipe, site, outputs_dir),
                             .outputs_dir = outputs_dir,
                             .files = {{"recipe.yaml", text_of_file(recipe.file)}, {kResolvedRecipe, recipe.text}}});
}

// Submits all, then follows one after the other if asked to.
ExitCode run_by_slurm(const SubmitOptions& options, const std::vector<Runnable>& recipes, const SubmitPlace& place) {
  const auto outputs_dir = find_outputs_dir(options.output_dir);
  if (!outputs_dir) return report_errors(outputs_dir.error());
  std::vector<std::string> jobs;
  for (const Runnable& runnable : recipes) {
    const auto job = hand_over(runnable.recipe, place, *outputs_dir);
    if (!job) return report_errors(job.error(), ExitCode::cannot_launch);
    jobs.push_back(*job);
    fmt::print(stderr, "submitted {} as job {}; srtctl status {} says how it is\n", runnable.recipe.name, *job, *job);
    if (!options.wait && !options.json) fmt::print("{}\n", *job);
  }
  if (!options.wait) {
    if (options.json) fmt::print("{{\"jobs\":[{}]}}\n", fmt::join(jobs, ","));
    return ExitCode::success;
  }
  ExitCode code = ExitCode::success;
  std::string documents;
  for (const std::string& job : jobs) {
    const std::string folder = *outputs_dir + "/" + job;
    const ExitCode ended = follow_job(job, folder);
    if (code == ExitCode::success) code = ended;
    const std::string result = text_of_file(folder + "/result.json");
    documents += (documents.empty() || result.empty() ? "" : ",") + result;
    if (ended == ExitCode::interrupted) break;
  }
  if (options.json) fmt::print("{{\"runs\":[{}]}}\n", documents);
  return code;
}

}  // namespace

ExitCode run(const SubmitOptions& options) {
  const auto launcher = choose_launcher(options);
  if (!launcher) return report_errors(launcher.error());
  auto cluster = read_own_cluster();
  if (!cluster) return report_errors(cluster.error());
  const auto recipes = read_all(options, *cluster);
  if (!recipes) return report_errors(recipes.error());
  SubmitPlace place{.launcher = *launcher, .inventory = {}, .cluster = *std::move(cluster), .job = {}, .output_dir = {}};
  return place.launcher == "slurm" ? run_by_slurm(options, *recipes, place) : run_here(options, *recipes, std::move(place));
}

ExitCode run(const GuardOptions& options) {
  return launch::guard_main(options.run_id) == 0 ? ExitCode::success : ExitCode::worker_failed;
}

}  // namespace infbench::cli
