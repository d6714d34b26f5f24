#include "launch/slurm.h"

#include <poll.h>
#include <csignal>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/number.h"
#include "base/output_file.h"
#include "launch/run_tool.h"

namespace infbench::launch {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const std::string_view line = trimmed(text.substr(0, end)); !line.empty()) lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_number(std::string_view text) { return number_in<std::int64_t>(text).has_value() && text.front() != '-'; }

// What a failed tool printed, as one error.
tl::unexpected<Errors> failed(std::string_view what, const ToolOutput& output) {
  std::string_view said = trimmed(output.err);
  if (said.empty()) said = trimmed(output.out);
  if (said.empty()) return fail(fmt::format("{}: it ended with code {} and printed nothing", what, output.exit_code));
  return fail(fmt::format("{}: it printed:\n{}", what, said));
}

// Runs it; its standard output, or an error when its code is not 0.
Result<std::string> ask(const std::vector<std::string>& argv, std::string_view what, std::string_view input = {}) {
  auto output = run_tool(argv, {.input = input});
  if (!output) return fail(std::move(output.error()));
  if (output->exit_code != 0) return failed(what, *output);
  return std::move(output->out);
}

// "KEY=VALUE" of the line of `scontrol show job` that begins with `first`; VALUE has no blanks. Names of jobs and files, which
// may hold anything, begin other lines.
std::string_view field(std::string_view text, std::string_view first, std::string_view key) {
  for (std::string_view line : lines_of(text)) {
    if (!line.starts_with(first)) continue;
    while (!line.empty()) {
      const std::string_view word = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(word.size() + 1, line.size()));
      if (word.starts_with(key) && word.substr(key.size()).starts_with('=')) return word.substr(key.size() + 1);
    }
  }
  return {};
}

bool is_none(std::string_view value) { return value == "None" || value == "(null)" || value == "Unknown"; }

JobState parse_job(std::string_view text) {
  JobState job;
  job.state = field(text, "JobState=", "JobState");
  if (const auto reason = field(text, "JobState=", "Reason"); !is_none(reason)) job.reason = reason;
  if (const auto nodes = field(text, "NodeList=", "NodeList"); !is_none(nodes)) job.nodes = nodes;
  job.end_time_s = number_in<std::int64_t>(field(text, "StartTime=", "EndTime"));
  const std::string_view code = field(text, "Requeue=", "ExitCode");  // "3:0": exit code, signal
  const auto exit_code = number_in<int>(code.substr(0, code.find(':')));
  const auto signal = number_in<int>(code.substr(std::min(code.find(':') + 1, code.size())));
  if (job.ended() && exit_code) job.exit_code = signal.value_or(0) > 0 ? 128 + *signal : *exit_code;
  return job;
}

// The folder of a new job with all its files.
Result<void> fill_folder(const std::string& folder, const Submission& submission) {
  std::error_code error;
  std::filesystem::create_directories(submission.outputs_dir, error);
  if (!error && !std::filesystem::create_directory(folder, error) && !error) {
    return fail("the output folder " + folder + " is there already", "move it away, or choose another output_dir");
  }
  if (error) return fail("cannot create the output folder " + folder + ": " + error.message());
  if (auto written = write_file(folder + "/batch.sh", submission.script, {}, submission.script_readers); !written)
    return written;
  for (const Submission::File& file : submission.files) {
    if (auto written = write_file(folder + "/" + file.name, file.content, {}, file.readers); !written) return written;
  }
  return {};
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool slurm_is_here() { return has_tool("sbatch"); }

bool is_job_id(std::string_view text) { return !text.empty() && text.size() < 20 && is_number(text); }

Result<std::string> submit_job(const Submission& submission) {
  const auto printed = ask({"sbatch", "--parsable", "--hold"}, "sbatch refused the job", submission.script);
  if (!printed) return fail(printed.error());
  const auto lines = lines_of(*printed);  // a site's wrapper may have said something before
  const std::string job(lines.empty() ? "" : lines.back().substr(0, lines.back().find(';')));
  if (!is_job_id(job)) return fail("expected a job's number from sbatch, it printed: " + *printed);
  Result<void> done = fill_folder(submission.outputs_dir + "/" + job, submission);
  if (done) {
    const auto released = ask({"scontrol", "release", job}, "job " + job + " cannot be released");
    if (!released) done = fail(released.error());
  }
  if (done) return job;
  Errors errors = std::move(done.error());
  const auto cancelled = cancel_job(job, Cancel::at_once);
  if (!cancelled) errors.insert(errors.end(), cancelled.error().begin(), cancelled.error().end());
  return fail(std::move(errors));
}

bool JobState::ended() const {
  static constexpr std::array<std::string_view, 10> kEnded = {"COMPLETED", "FAILED",       "CANCELLED", "TIMEOUT",
                                                              "NODE_FAIL", "PREEMPTED",    "BOOT_FAIL", "DEADLINE",
                                                              "REVOKED",   "OUT_OF_MEMORY"};
  return std::find(kEnded.begin(), kEnded.end(), state) != kEnded.end();
}

Result<std::optional<JobState>> job_state(const std::string& job) {
  auto output = run_tool({"env", "SLURM_TIME_FORMAT=%s", "scontrol", "show", "job", job});
  if (!output) return fail(std::move(output.error()));
  if (output->exit_code == 0) return parse_job(output->out);
  if (output->err.find("Invalid job id") != std::string::npos) return std::nullopt;
  return failed("Slurm does not say how job " + job + " is", *output);
}

Result<void> cancel_job(const std::string& job, Cancel how) {
  const auto before = job_state(job);
  if (!before) return fail(before.error());
  if (!*before || (*before)->ended()) return {};
  std::vector<std::string> argv = {"scancel", job};
  if (how == Cancel::gently && (*before)->state == "RUNNING") argv = {"scancel", "--batch", "--signal=TERM", job};
  const auto cancelled = ask(argv, "job " + job + " cannot be cancelled");
  if (cancelled) return {};
  const auto after = job_state(job);
  if (after && (!*after || (*after)->ended())) return {};
  return fail(cancelled.error());
}

bool in_allocation() { return *variable("SLURM_JOB_ID") != '\0'; }

Result<Allocation> find_allocation() {
  Allocation allocation{.job = variable("SLURM_JOB_ID"), .nodes = {}, .end_time_s = {}};
  const std::string list = variable("SLURM_JOB_NODELIST");
  if (allocation.job.empty() || list.empty()) {
    return fail("this is not inside a Slurm allocation: $SLURM_JOB_ID or $SLURM_JOB_NODELIST is not set",
                "start it with salloc or sbatch, or use --launcher slurm");
  }
  const auto names = ask({"scontrol", "show", "hostnames", list}, "Slurm does not name the nodes of job " + allocation.job);
  if (!names) return fail(names.error());
  for (const std::string_view name : lines_of(*names)) allocation.nodes.emplace_back(name);
  const auto state = job_state(allocation.job);
  if (!state) return fail(state.error());
  if (*state) allocation.end_time_s = (*state)->end_time_s;
  return allocation;
}

Result<std::vector<JobStep>> running_steps(const std::string& job) {
  const auto printed =
      ask({"squeue", "--noheader", "--steps", "--jobs", job, "--format=%i %j"}, "Slurm does not list the steps of job " + job);
  if (!printed) return fail(printed.error());
  std::vector<JobStep> steps;
  for (const std::string_view line : lines_of(*printed)) {
    const std::string_view id = line.substr(0, line.find(' '));
    if (!is_number(id.substr(std::min(id.find('.') + 1, id.size())))) continue;  // "12345.batch", "12345.extern"
    steps.push_back({.id = std::string(id), .name = std::string(trimmed(line.substr(id.size())))});
  }
  return steps;
}

Result<void> signal_steps(const std::vector<JobStep>& steps, int signal) {
  if (steps.empty()) return {};
  std::vector<std::string> argv = {"scancel", "--quiet", fmt::format("--signal={}", signal)};
  for (const JobStep& step : steps) argv.push_back(step.id);
  auto output = run_tool(argv);
  if (!output) return fail(std::move(output.error()));
  const bool gone =
      output->err.find("Invalid job id") != std::string::npos || output->err.find("already completing") != std::string::npos;
  if (output->exit_code == 0 || gone) return {};
  return failed("steps cannot be signalled", *output);
}

Result<void> end_steps(const std::string& job, const std::vector<JobStep>& keep) {
  constexpr int kLooks = 200;
  constexpr int kBetweenMs = 50;
  std::vector<JobStep> left;
  for (int look = 0; look < kLooks; ++look) {
    auto steps = running_steps(job);
    if (!steps) return fail(std::move(steps.error()));
    left.clear();
    for (JobStep& step : *steps) {
      if (std::none_of(keep.begin(), keep.end(), [&](const JobStep& kept) { return kept.id == step.id; })) {
        left.push_back(std::move(step));
      }
    }
    if (left.empty()) return {};
    if (look % 20 == 0) {
      if (auto sent = signal_steps(left, SIGKILL); !sent) return sent;
    }
    poll(nullptr, 0, kBetweenMs);
  }
  std::string names;
  for (const JobStep& step : left) names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", step.id, step.name);
  return fail("steps still run although they were killed: " + names, "scancel " + job);
}

}  // namespace infbench::launch
