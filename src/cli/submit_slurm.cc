#include "cli/submit_slurm.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "cli/console.h"
#include "cli/follow_job.h"
#include "cli/program_files.h"
#include "launch/slurm.h"
#include "plan/plan.h"

namespace infbench::cli {
namespace {

namespace fs = std::filesystem;

struct Submitted {
  std::string job;
  std::string folder;
  std::string recipe;
};

Result<Submitted> submit_one(const SlurmJob& job, const recipe::Cluster& cluster, const std::string& outputs_dir) {
  plan::Site site;
  site.program = own_program();
  site.trace_file = job.trace;
  site.cluster = cluster;
  launch::Submission submission{.script = plan::batch_script(*job.recipe, site, outputs_dir),
                                .outputs_dir = outputs_dir,
                                .files = {{"recipe.yaml", job.recipe->text}}};
  // As it is now: the cluster's file may change while the job waits.
  if (!cluster.file.empty()) {
    std::ifstream in(cluster.file, std::ios::binary);
    submission.files.emplace_back("srtslurm.yaml", std::string(std::istreambuf_iterator<char>(in), {}));
  }
  auto number = launch::submit_job(submission);
  if (!number) return fail(std::move(number.error()));
  return Submitted{.job = *number, .folder = outputs_dir + "/" + *number, .recipe = job.recipe->name};
}

void print_json(const std::vector<Submitted>& jobs) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("jobs");
  json.begin_array();
  for (const Submitted& one : jobs) {
    json.begin_object();
    json.member("job", one.job);
    json.member("folder", one.folder);
    json.member("recipe", one.recipe);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  fmt::print("{}\n", out);
}

}  // namespace

ExitCode submit_to_slurm(const std::vector<SlurmJob>& jobs, const recipe::Cluster& cluster, bool wait, bool json) {
  std::error_code error;
  const std::string outputs_dir = fs::absolute(cluster.output_dir.value_or("outputs"), error).lexically_normal().string();
  std::vector<Submitted> submitted;
  ExitCode code = ExitCode::success;
  for (const SlurmJob& job : jobs) {
    auto one = submit_one(job, cluster, outputs_dir);
    if (!one) {
      code = report_errors(one.error(), ExitCode::cannot_launch);
      break;
    }
    if (!json) fmt::print("job {}: {}; its folder: {}\n", one->job, one->recipe, one->folder);
    submitted.push_back(*std::move(one));
  }
  if (json) print_json(submitted);
  std::fflush(stdout);
  if (!wait) {
    if (!json && !submitted.empty())
      fmt::print("srtctl status {0}; srtctl logs -f {0}; srtctl cancel {0}\n", submitted.back().job);
    return code;
  }
  for (const Submitted& one : submitted) {
    const ExitCode end = follow_job(one.job, one.folder);
    if (end == ExitCode::interrupted) return end;
    if (code == ExitCode::success) code = end;
  }
  return code;
}

}  // namespace infbench::cli
