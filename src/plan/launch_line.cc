#include "plan/launch_line.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/command_lines.h"
#include "plan/words.h"

namespace infbench::plan {
namespace {

constexpr std::string_view kGpuVariable = "CUDA_VISIBLE_DEVICES";

// Options of an enclosing srun or salloc that this step's srun would take from its environment and that the words below do not
// override (srun(1), INPUT ENVIRONMENT VARIABLES).
const std::vector<std::string>& step_options_of_others() {
  static const std::vector<std::string> kNames{
      "SLURM_CPU_BIND",       "SLURM_CPUS_PER_GPU",    "SLURM_CPUS_PER_TASK", "SRUN_CPUS_PER_TASK",
      "SLURM_DISTRIBUTION",   "SLURM_EXACT",           "SLURM_EXCLUSIVE",     "SLURM_GPU_BIND",
      "SLURM_GPUS",           "SLURM_GPUS_PER_TASK",   "SLURM_HINT",          "SLURM_MEM_BIND",
      "SLURM_NTASKS_PER_GPU", "SLURM_NTASKS_PER_NODE", "SLURM_STEP_GRES",     "SLURM_TRES_PER_TASK"};
  return kNames;
}

// "host:container"; a later mount on the same place in the container wins.
void add_mount(std::vector<std::string>& mounts, const std::string& host, const std::string& inside) {
  const std::string end = ":" + inside;
  std::erase_if(mounts, [&](const std::string& mount) { return mount.ends_with(end); });
  mounts.push_back(host + end);
}

std::vector<std::string> mounts_of(const recipe::Recipe& recipe, const Site& site, const Node& node, Kind kind, int node_id) {
  std::vector<std::string> mounts;
  add_mount(mounts, log_dir(recipe, site), "/logs");
  const ModelPlace model = model_place(recipe);
  if (model.name.empty() && (model.is_read || kind == Kind::client)) add_mount(mounts, model.folder, "/model");
  if (const std::string configs = configs_dir(recipe, site); !configs.empty()) add_mount(mounts, configs, "/configs");
  if (kind == Kind::client) {
    add_mount(mounts, artifacts_dir(site), std::string(kArtifactsInContainer));
    if (!site.trace_file.empty()) add_mount(mounts, site.trace_file, trace_in_container(site.trace_file));
  }
  if (kind == Kind::worker && recipe.backend.type == "model") {
    add_mount(mounts, site.program, program_path(site, true));
    if (!site.data_dir.empty()) add_mount(mounts, site.data_dir, "/srtctl/share/infbench/data");
  }
  for (const auto& [host, inside] : site.cluster.default_mounts) add_mount(mounts, host, inside);
  for (const auto& [host, inside] : recipe.container_mounts) {
    add_mount(mounts, templated(host, node, node_id), templated(inside, node, node_id));
  }
  for (const std::string& mount : recipe.extra_mount) mounts.push_back(templated(mount, node, node_id));
  return mounts;
}

void add_container(const Command& command, std::vector<std::string>& words) {
  if (command.container.empty()) return;
  add(words, {"--container-image", command.container, "--no-container-entrypoint", "--no-container-mount-home"});
  if (!command.mounts.empty()) add(words, {"--container-mounts", fmt::format("{}", fmt::join(command.mounts, ","))});
  // Else variables of the image win over those of the step (pyxis).
  std::vector<std::string> names;
  for (const auto& [name, value] : command.environment) {
    if (name != kGpuVariable) names.push_back(name);
  }
  if (!names.empty()) words.push_back(fmt::format("--container-env={}", fmt::join(names, ",")));
}

std::vector<std::string> srun_words(const recipe::Recipe& recipe, const Site& site, const Node& node, const Command& command) {
  std::string log = command.log;
  replace_all(log, "%", "%%");  // srun has patterns in file names
  std::vector<std::string> words{"srun", "--jobid", site.job};
  add(words, {"--overlap", "--nodes", "1", "--ntasks", "1", "--nodelist", node.name, "--output", log});
  // The name is how the step is found again, to send it a signal. ALL is the default, unless $SLURM_EXPORT_ENV says otherwise.
  add(words, {"--job-name", command.name, "--export", "ALL"});
  add_container(command, words);
  for (const auto& [name, value] : recipe.srun_options) {
    words.push_back(value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  }
  const auto gpus = std::ranges::find(command.environment, kGpuVariable, &Environment::value_type::first);
  if (gpus != command.environment.end()) add(words, {"env", fmt::format("{}={}", kGpuVariable, gpus->second)});
  return words;
}

}  // namespace

std::string log_dir(const recipe::Recipe& recipe, const Site& site) {
  if (!recipe.output.log_dir.has_value()) return site.output_dir + "/logs";
  std::string folder = *recipe.output.log_dir;
  replace_all(folder, "{job_id}", site.job);
  return folder.starts_with('/') ? folder : site.output_dir + "/" + folder;
}

std::string configs_dir(const recipe::Recipe& recipe, const Site& site) {
  if (site.cluster.srtctl_root) return *site.cluster.srtctl_root + "/configs";
  return recipe.setup_script.empty() ? std::string() : site.working_dir + "/configs";
}

std::string artifacts_dir(const Site& site) { return site.output_dir + "/artifacts"; }

std::string trace_in_container(const std::string& trace_file) {
  return "/traces/" + trace_file.substr(trace_file.rfind('/') + 1);
}

void bring_to_node(const recipe::Recipe& recipe, const Site& site, const Node& node, Kind kind, Command& command) {
  command.log = fmt::format("{}/{}.out", log_dir(recipe, site), command.name);
  if (site.launcher == LauncherKind::local) {
    command.container.clear();
    command.launch_argv = command.argv;
    return;
  }
  if (!command.container.empty()) command.mounts = mounts_of(recipe, site, node, kind, command.node);
  append(command.unset, step_options_of_others());
  command.launch_argv = srun_words(recipe, site, node, command);
  append(command.launch_argv, command.argv);
}

}  // namespace infbench::plan
