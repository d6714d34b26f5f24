// status and cancel: how runs are, and their end.
#include <csignal>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/job_view.h"

namespace infbench::cli {
namespace {

std::string local_time(std::int64_t epoch_s) {
  const auto seconds = static_cast<std::time_t>(epoch_s);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string code_text(const JobView& view) {
  const auto code = view.exit_code();
  return view.ended() && code ? std::to_string(*code) : "-";
}

void write_json(const JobView& view, JsonWriter& json) {
  json.begin_object();
  json.member("job", view.job);
  json.member("folder", view.folder);
  json.member("recipe", view.run ? std::optional<std::string_view>(view.run->recipe) : std::nullopt);
  json.member("state", view.state());
  json.member("ended", view.ended());
  json.member("exit_code", view.exit_code());
  json.member("waiting_for", view.run ? std::string_view(view.run->waiting_for) : "");
  json.member("reason", view.run ? std::string_view(view.run->reason) : "");
  json.member("started_ms", view.run ? std::optional(view.run->started_ms) : std::nullopt);
  json.member("ended_ms", view.run ? view.run->ended_ms : std::nullopt);
  json.key("slurm");
  if (view.slurm) {
    json.begin_object();
    json.member("state", view.slurm->state);
    json.member("reason", view.slurm->reason);
    json.member("nodes", view.slurm->nodes);
    json.member("exit_code", view.slurm->exit_code);
    json.member("end_time_s", view.slurm->end_time_s);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
}

void print_one(const JobView& view) {
  const auto line = [](std::string_view name, const std::string& text) {
    if (!text.empty()) fmt::print("{:<12}{}\n", name, text);
  };
  line("job", view.job);
  if (view.run) line("recipe", view.run->recipe);
  line("state", view.state());
  if (view.run) line("waiting for", view.run->waiting_for);
  if (view.slurm) {
    line("slurm", view.slurm->state + (view.slurm->nodes.empty() ? "" : " on " + view.slurm->nodes));
  } else if (view.run && !view.is_slurm_job()) {
    line("process", fmt::format("{} on {}", view.run->pid, view.run->host));
  }
  if (view.run) line("started", local_time(view.run->started_ms / 1000));
  if (view.run && view.run->ended_ms) line("ended", local_time(*view.run->ended_ms / 1000));
  if (view.slurm && !view.ended() && view.slurm->end_time_s) line("time limit", local_time(*view.slurm->end_time_s));
  if (view.ended()) line("exit code", code_text(view));
  if (view.run) line("reason", view.run->reason);
  line("folder", view.folder);
}

void print_all(const std::vector<JobView>& views, const std::string& outputs_dir) {
  if (views.empty()) fmt::print("no runs in {}\n", outputs_dir);
  if (views.empty()) return;
  std::size_t widest_job = 3;
  std::size_t widest_state = 5;
  for (const JobView& view : views) {
    widest_job = std::max(widest_job, view.job.size());
    widest_state = std::max(widest_state, view.state().size());
  }
  fmt::print("{:<{}}  {:<{}}  {:>4}  {:<19}  {}\n", "JOB", widest_job, "STATE", widest_state, "EXIT", "STARTED", "RECIPE");
  for (const JobView& view : views) {
    fmt::print("{:<{}}  {:<{}}  {:>4}  {:<19}  {}\n", view.job, widest_job, view.state(), widest_state, code_text(view),
               view.run ? local_time(view.run->started_ms / 1000) : "-", view.run ? view.run->recipe : "-");
  }
}

Result<void> end_local(const JobView& view) {
  if (view.process_is_here && kill(view.run->pid, SIGTERM) == 0) return {};
  if (!view.run) return fail("run " + view.job + " has not begun");
  return fail(
      fmt::format("the program of run {} was process {} on {}; it is not here", view.job, view.run->pid, view.run->host));
}

}  // namespace

ExitCode run(const StatusOptions& options) {
  std::error_code ignored;
  if (!options.outputs_dir.empty() && !std::filesystem::is_directory(options.outputs_dir, ignored)) {
    return report_errors(fail(fmt::format("expected a folder for --output-dir, found '{}'", options.outputs_dir)).value());
  }
  const auto outputs_dir = find_outputs_dir(options.outputs_dir);
  if (!outputs_dir) return report_errors(outputs_dir.error());
  std::vector<JobView> views;
  if (options.job.empty()) {
    auto all = all_jobs(*outputs_dir);
    if (!all) return report_errors(all.error(), ExitCode::cannot_launch);
    views = *std::move(all);
  } else {
    auto view = look_at(options.job, *outputs_dir);
    if (!view) return report_errors(view.error());
    views.push_back(*std::move(view));
  }
  if (!options.json) {
    if (options.job.empty()) {
      print_all(views, *outputs_dir);
    } else {
      print_one(views.front());
    }
    return ExitCode::success;
  }
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  if (options.job.empty()) json.begin_array();
  for (const JobView& view : views) write_json(view, json);
  if (options.job.empty()) json.end_array();
  fmt::print("{}\n", out);
  return ExitCode::success;
}

ExitCode run(const CancelOptions& options) {
  const auto outputs_dir = find_outputs_dir(options.outputs_dir);
  if (!outputs_dir) return report_errors(outputs_dir.error());
  const auto view = look_at(options.job, *outputs_dir);
  if (!view) return report_errors(view.error());
  if (view->ended()) {
    fmt::print("{} has ended already\n", view->job);
    return ExitCode::success;
  }
  const auto how = options.now ? launch::Cancel::at_once : launch::Cancel::gently;
  const auto done = view->is_slurm_job() ? launch::cancel_job(view->job, how) : end_local(*view);
  if (!done) return report_errors(done.error(), ExitCode::cannot_launch);
  fmt::print("{} is told to end; srtctl status {} says when it has\n", view->job, options.job);
  return ExitCode::success;
}

}  // namespace infbench::cli
