#include "cli/job_view.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "launch/run_tool.h"
#include "launch/slurm_nodes.h"
#include "recipe/cluster.h"

namespace infbench::cli {
namespace {

namespace fs = std::filesystem;

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The number may belong to another program by now.
bool is_srtctl(int pid) { return pid > 0 && read_text(fmt::format("/proc/{}/comm", pid)) == "srtctl\n"; }

bool is_run_folder(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / "status.json", error) || fs::exists(path / "batch.sh", error);
}

constexpr std::string_view kEnded = "ended";

}  // namespace

bool JobView::is_slurm_job() const { return slurm || (run ? run->launcher == "srun" : launch::is_job_id(job)); }

bool JobView::ended() const {
  if (slurm) return slurm->ended();
  if (run && run->phase == kEnded) return !process_is_here;
  if (is_slurm_job()) return true;  // Slurm has forgotten it
  return !process_is_here;
}

std::optional<int> JobView::exit_code() const {
  if (run && run->exit_code) return run->exit_code;
  return slurm ? slurm->exit_code : std::nullopt;
}

std::string JobView::state() const {
  const bool told = run && run->phase == kEnded;
  if (slurm && !told && slurm->state != "RUNNING") {
    return slurm->reason.empty() ? slurm->state : fmt::format("{} ({})", slurm->state, slurm->reason);
  }
  if (!run) return slurm ? slurm->state : "never began";
  if (!told && ended()) return fmt::format("lost while {}", run->phase);
  return run->phase;
}

Result<std::string> find_outputs_dir(const std::string& given) {
  std::string dir = given;
  if (dir.empty()) {
    const auto cluster = recipe::read_own_cluster();
    if (!cluster) return fail(cluster.error());
    dir = cluster->output_dir.value_or("");
  }
  return fs::absolute(dir.empty() ? "outputs" : dir).lexically_normal().string();
}

Result<void> look_again(JobView& view, bool ask_slurm) {
  if (const std::string text = read_text(view.folder + "/status.json"); !text.empty()) {
    auto run = launch::parse_status(text);
    if (!run) return fail(std::move(run.error()));
    view.run = *std::move(run);
    view.process_is_here = view.run->host == launch::own_host() && is_srtctl(view.run->pid);
  }
  const bool may_be_slurms = view.run ? view.run->launcher == "srun" : launch::is_job_id(view.job);
  if (!ask_slurm || !may_be_slurms || !launch::has_tool("scontrol")) return {};
  auto state = launch::job_state(view.run ? view.run->job : view.job);
  if (!state) return fail(std::move(state.error()));
  view.slurm = *std::move(state);
  return {};
}

Result<JobView> look_at(const std::string& job, const std::string& outputs_dir) {
  JobView view;
  const bool is_path = job.find('/') != std::string::npos || job == ".";
  view.folder = fs::absolute(is_path ? job : outputs_dir + "/" + job).lexically_normal().string();
  if (view.folder.ends_with('/')) view.folder.pop_back();
  view.job = fs::path(view.folder).filename().string();
  const bool has_folder = is_run_folder(view.folder);
  if (has_folder || launch::is_job_id(view.job)) {
    if (auto looked = look_again(view, true); !looked) return fail(std::move(looked.error()));
    if (has_folder || view.slurm) return view;
  }
  return fail(fmt::format("there is no run '{}' in {}", job, outputs_dir), "srtctl status lists the runs there are");
}

Result<std::vector<JobView>> all_jobs(const std::string& outputs_dir) {
  std::vector<std::pair<fs::file_time_type, std::string>> folders;
  std::error_code error;
  for (fs::directory_iterator at(outputs_dir, error), end; !error && at != end; at.increment(error)) {
    if (!is_run_folder(at->path())) continue;
    std::error_code ignored;
    folders.emplace_back(at->last_write_time(ignored), at->path().filename().string());
  }
  std::sort(folders.rbegin(), folders.rend());
  std::vector<JobView> views;
  for (const auto& [written, name] : folders) {
    JobView view{.job = name, .folder = outputs_dir + "/" + name, .run = {}, .slurm = {}};
    if (auto looked = look_again(view, false); !looked) return fail(std::move(looked.error()));
    if (!view.run || view.run->phase != kEnded) {
      if (auto looked = look_again(view, true); !looked) return fail(std::move(looked.error()));
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace infbench::cli
