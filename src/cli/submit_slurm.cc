#include "cli/submit_slurm.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_writer.h"
#include "cli/console.h"
#include "cli/follow_job.h"
#include "cli/job_view.h"
#include "cli/program_files.h"
#include "cli/submit_run.h"
#include "launch/slurm.h"
#include "plan/plan.h"
#include "recipe/secrets.h"
#include "recipe/yaml_resolved.h"

namespace infbench::cli {
namespace {

struct Submitted {
  std::string job;
  std::string folder;
  std::string recipe;
};

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<launch::Submission::File> recipe_files(const recipe::Recipe& recipe) {
  const bool secret = recipe::has_secrets(recipe);
  std::vector<launch::Submission::File> files{
      {.name = "recipe.yaml", .content = text_of_file(recipe.file), .readers = secret ? Readers::owner : Readers::all},
      {.name = plan::kResolvedRecipe, .content = recipe::resolved_yaml(recipe::without_secrets(recipe))}};
  if (secret) {
    files.push_back({.name = plan::kRecipeWithSecrets, .content = recipe::resolved_yaml(recipe), .readers = Readers::owner});
  }
  return files;
}

// The job reads the resolved recipe and the cluster's file from its folder: what is edited here while it waits changes nothing.
Result<Submitted> submit_one(const SubmitOptions& options, const recipe::Recipe& recipe, const recipe::Cluster& cluster,
                             const std::string& outputs_dir) {
  plan::Site site;
  site.program = own_program();
  site.cluster = cluster;
  std::error_code error;
  if (!options.trace_dir.empty()) site.trace_dir = std::filesystem::absolute(options.trace_dir, error).string();
  // A preamble may export secrets.
  const Readers readers = cluster.default_bash_preamble.empty() ? Readers::all : Readers::owner;
  launch::Submission submission{.script = plan::batch_script(recipe, site, outputs_dir),
                                .outputs_dir = outputs_dir,
                                .files = recipe_files(recipe),
                                .script_readers = readers};
  if (!cluster.file.empty()) {
    submission.files.push_back({.name = "srtslurm.yaml", .content = text_of_file(cluster.file), .readers = readers});
  }
  auto number = launch::submit_job(submission);
  if (!number) return fail(std::move(number.error()));
  return Submitted{.job = *number, .folder = outputs_dir + "/" + *number, .recipe = recipe.name};
}

void print_jobs(const std::vector<Submitted>& jobs) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("jobs");
  json.begin_array();
  for (const Submitted& one : jobs) {
    json.begin_object();
    json.member("job", std::string_view(one.job));
    json.member("folder", std::string_view(one.folder));
    json.member("recipe", std::string_view(one.recipe));
    json.end_object();
  }
  json.end_array();
  json.end_object();
  fmt::print("{}\n", out);
}

ExitCode follow_all(const std::vector<Submitted>& jobs, bool json) {
  ExitCode code = ExitCode::success;
  std::vector<std::string> results;
  for (const Submitted& one : jobs) {
    const ExitCode ended = follow_job(one.job, one.folder);
    if (code == ExitCode::success) code = ended;
    if (std::string result = text_of_file(one.folder + "/result.json"); !result.empty()) results.push_back(std::move(result));
    if (ended == ExitCode::interrupted) break;
  }
  if (json) fmt::print("{{\"runs\":[{}]}}\n", fmt::join(results, ","));
  return code;
}

}  // namespace

ExitCode submit_to_slurm(const SubmitOptions& options, std::span<const recipe::Recipe> recipes,
                         const recipe::Cluster& cluster) {
  const auto outputs_dir = find_outputs_dir(options.output_dir);
  if (!outputs_dir) return report_errors(outputs_dir.error());
  std::vector<Submitted> jobs;
  ExitCode code = ExitCode::success;
  for (const recipe::Recipe& recipe : recipes) {
    auto one = submit_one(options, recipe, cluster, *outputs_dir);
    if (!one) {
      code = report_errors(one.error(), ExitCode::cannot_launch);
      break;
    }
    fmt::print(stderr, "job {}: {}; its folder: {}\n", one->job, one->recipe, one->folder);
    if (!options.json && !options.wait) fmt::print("{}\n", one->job);
    jobs.push_back(*std::move(one));
  }
  std::fflush(stdout);
  if (options.wait) {
    const ExitCode followed = follow_all(jobs, options.json);
    return code == ExitCode::success ? followed : code;
  }
  if (options.json) print_jobs(jobs);
  return code;
}

}  // namespace infbench::cli
