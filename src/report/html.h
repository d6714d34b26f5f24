// The report as one HTML file: for people, of one run or several side by side. It needs nothing from the network and allows
// nothing: its script and style stand inside, named by their hashes in its Content-Security-Policy. Pure, usable from any
// thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "report/run_folder.h"

namespace infbench::report {

// Sentences under the headline, beside how sure it is; may be empty.
struct PageNotes {
  std::string left_out = {};  // which runs are not shown
};

// At least one run. The same runs give the same bytes.
std::string html_report(std::span<const FolderRun> runs, const PageNotes& notes = {});

inline constexpr std::size_t kMostRuns = 12;  // on one page

// Reads the folders, in this order, and writes the report of all of them to `file`; of more than kMostRuns those with the most
// goodput, and says so. Errors: those of read_run_folder(), all of them; `file` cannot be written.
Result<void> write_html_report(const std::vector<std::string>& folders, const std::string& file, PageNotes notes = {});

}  // namespace infbench::report
