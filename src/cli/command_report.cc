// report: the HTML report of runs that have ended, one or several side by side.
#include <filesystem>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/job_view.h"
#include "report/html.h"

namespace infbench::cli {
namespace {

// A run of submit's whose program was killed, or has not ended yet: its client may have written its files all the same.
Errors lost_run(const std::string& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder + "/status.json", error)) return {};
  const auto view = look_at(std::filesystem::absolute(folder, error).string(), "");
  if (!view) return view.error();
  if (!view->run || view->run->phase == launch::name_of(launch::Phase::ended)) return {};
  return {{.what = fmt::format("incomplete: this run {} {}", view->ended() ? "was" : "is", view->state()),
           .hint = view->ended() ? "run it again; a report needs a run that has ended" : "wait until it has ended",
           .file = folder,
           .source_line = {}}};
}

}  // namespace

ExitCode run(const ReportOptions& options) {
  std::vector<std::string> folders;
  Errors errors;
  for (const std::string& folder : options.folders) {
    Errors unfinished = lost_run(folder);
    const Errors below = report::unfinished_runs(folder);
    unfinished.insert(unfinished.end(), below.begin(), below.end());
    errors.insert(errors.end(), unfinished.begin(), unfinished.end());
    if (!unfinished.empty()) continue;
    const auto found = report::run_folders(folder);
    folders.insert(folders.end(), found.begin(), found.end());
    if (!found.empty()) continue;
    errors.push_back({.what = "there is no summary.json here, nor one folder below",
                      .hint = "give the output folder of simulate, compare, replay or submit",
                      .file = folder,
                      .source_line = {}});
  }
  if (!errors.empty()) return report_errors(errors);
  std::string file = options.output;
  if (file.empty()) file = options.folders.size() == 1 ? options.folders[0] + "/report.html" : "report.html";
  if (const auto written = report::write_html_report(folders, file); !written) return report_errors(written.error());
  fmt::print("{}\n", file);
  return ExitCode::success;
}

}  // namespace infbench::cli
