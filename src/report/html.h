// The report as one HTML file: for people, of one run or several side by side. It needs nothing from the network and allows
// nothing: its script and style stand inside, named by their hashes in its Content-Security-Policy. Pure, usable from any
// thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "report/run_folder.h"

namespace infbench::report {

// At least one run. The same runs give the same bytes.
std::string html_report(std::span<const FolderRun> runs);

// Reads the folders, in this order, and writes the report of all of them to `file`. Errors: those of read_run_folder(), all of
// them; `file` cannot be written.
Result<void> write_html_report(const std::vector<std::string>& folders, const std::string& file);

}  // namespace infbench::report
