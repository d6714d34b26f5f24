// The script for sbatch: #SBATCH lines, the cluster's preamble, and this program.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/number.h"
#include "plan/plan.h"
#include "plan/words.h"
#include "recipe/secrets.h"

namespace infbench::plan {
namespace {

constexpr std::string_view kDefaultTime = "01:00:00";  // the reference's
constexpr int kMostSecondsToCollect = 120;
constexpr int kLeastSecondsToCollect = 10;

// For a line that sbatch reads: it ends words at blanks, and knows quotes and '\'. A line break cannot be written at all; the
// recipe's reader refuses it before.
std::string directive_quote(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '_';
  }
  constexpr std::string_view kSafe = "%+,-./:=@_[]";
  const bool bare = std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSafe.find(c) != std::string_view::npos;
  });
  if (bare) return text;
  replace_all(text, "\\", "\\\\");
  replace_all(text, "\"", "\\\"");
  return "\"" + text + "\"";
}

// Numbers separated by colons; empty: it is something else.
std::vector<long> numbers_of(std::string_view text) {
  std::vector<long> numbers;
  while (true) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const auto number = number_in<long>(text.substr(0, end));
    if (!number) return {};
    numbers.push_back(*number);
    if (end == text.size()) return numbers;
    text.remove_prefix(end + 1);
  }
}

// Seconds of a time limit as Slurm reads it: minutes[:seconds], hours:minutes:seconds, days-hours[:minutes[:seconds]]. 0: it is
// none of them.
long seconds_of(std::string_view limit) {
  constexpr std::array<long, 3> kUnits{3600, 60, 1};
  const std::size_t dash = limit.find('-');
  const bool days = dash != std::string_view::npos;
  const std::vector<long> parts = numbers_of(days ? limit.substr(dash + 1) : limit);
  const std::vector<long> day = days ? numbers_of(limit.substr(0, dash)) : std::vector<long>{0};
  if (parts.empty() || parts.size() > kUnits.size() || day.size() != 1) return 0;
  const std::size_t first = days || parts.size() == 3 ? 0 : 1;
  long seconds = day.front() * 24 * 3600;
  for (std::size_t i = 0; i < parts.size(); ++i) seconds += parts[i] * kUnits[first + i];
  return seconds;
}

using Directives = std::vector<std::pair<std::string, std::string>>;

// How long before the end of the time limit the run is told to stop: enough for the client's report and the teardown, and a
// small part of the whole.
std::string signal_of(std::string_view limit) {
  const long seconds = seconds_of(limit);
  const long before = std::clamp(seconds / 8, long{kLeastSecondsToCollect}, long{kMostSecondsToCollect});
  return fmt::format("B:TERM@{}", seconds == 0 ? long{kMostSecondsToCollect} : before);
}

Directives directives_of(const recipe::Recipe& recipe, const recipe::Cluster& cluster, const std::string& outputs_dir) {
  const int nodes = recipe.nodes();
  std::string log = outputs_dir;
  replace_all(log, "%", "%%");
  Directives lines{{"job-name", recipe.name},
                   {"output", log + "/%j/batch.out"},
                   {"nodes", std::to_string(nodes)},
                   {"ntasks", std::to_string(nodes)},
                   {"ntasks-per-node", "1"}};
  if (cluster.use_gpus_per_node_directive) lines.emplace_back("gpus-per-node", std::to_string(recipe.resources.gpus_per_node));
  if (cluster.use_segment_sbatch_directive) lines.emplace_back("segment", std::to_string(nodes));
  if (cluster.use_exclusive_sbatch_directive) lines.emplace_back("exclusive", "");
  const auto given = [](const std::optional<std::string>& own, const std::optional<std::string>& other) {
    return own.has_value() ? own : other;
  };
  if (const auto account = given(recipe.slurm.account, cluster.default_account)) lines.emplace_back("account", *account);
  if (const auto partition = given(recipe.slurm.partition, cluster.default_partition)) {
    lines.emplace_back("partition", *partition);
  }
  const std::string time = given(recipe.slurm.time_limit, cluster.default_time_limit).value_or(std::string(kDefaultTime));
  lines.emplace_back("time", time);
  lines.emplace_back("signal", signal_of(time));
  for (const auto& [key, value] : cluster.default_sbatch_directives) set_variable(lines, key, value);
  for (const auto& [key, value] : recipe.sbatch_directives) set_variable(lines, key, value);
  return lines;
}

}  // namespace

std::string batch_script(const recipe::Recipe& recipe, const Site& site, const std::string& outputs_dir) {
  std::string script = "#!/bin/bash\n";
  for (const auto& [key, value] : directives_of(recipe, site.cluster, outputs_dir)) {
    script += fmt::format("#SBATCH --{}{}{}\n", key, value.empty() ? "" : "=", directive_quote(value));
  }
  script += "\n";
  if (const std::string& preamble = site.cluster.default_bash_preamble; !preamble.empty()) {
    script += preamble + (preamble.ends_with('\n') ? "\n" : "\n\n");
  }
  script += fmt::format("out={}/\"$SLURM_JOB_ID\"\n", shell_quote(outputs_dir));
  script += "if [ -e \"$out/srtslurm.yaml\" ]; then export SRTSLURM_CONFIG=\"$out/srtslurm.yaml\"; fi\n";
  if (!site.trace_dir.empty()) script += fmt::format("export SRTCTL_TRACE_DIR={}\n", shell_quote(site.trace_dir));
  script += fmt::format("exec {} submit --launcher srun -f \"$out/{}\" -o \"$out\"\n", shell_quote(site.program),
                        recipe::has_secrets(recipe) ? kRecipeWithSecrets : kResolvedRecipe);
  return script;
}

}  // namespace infbench::plan
