// report: the HTML report of runs that have ended, one or several side by side.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "report/html.h"

namespace infbench::cli {

ExitCode run(const ReportOptions& options) {
  std::vector<std::string> folders;
  Errors errors;
  for (const std::string& folder : options.folders) {
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
