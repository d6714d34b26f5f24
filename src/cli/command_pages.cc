// completion and man: the command line described for other programs.
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "base/output_file.h"
#include "cli/build_info.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/help_pages.h"

namespace infbench::cli {

ExitCode run(const CompletionOptions&) {
  fmt::print("{}", bash_completion(interface_doc()));
  return ExitCode::success;
}

ExitCode run(const ManOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) {
    const auto failed = fail(fmt::format("cannot make the folder {}: {}", options.folder, error.message()));
    return report_errors(failed.value());
  }
  for (const ManPage& page : man_pages(interface_doc(), std::string(version()))) {
    if (const auto written = write_file(options.folder + "/" + page.file, page.text); !written) {
      return report_errors(written.error());
    }
  }
  return ExitCode::success;
}

}  // namespace infbench::cli
