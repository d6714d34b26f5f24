// The report as one HTML file: for people, of one run or several side by side. It needs nothing from the network and allows
// nothing: its script and style stand inside, named by their hashes in its Content-Security-Policy. Pure, usable from any
// thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "report/run_folder.h"

namespace infbench::report {

// At least one run. The same runs give the same bytes. `certainty`: a sentence on how sure the verdict is, where that was
// tested; empty: it was not, and the page says so.
std::string html_report(std::span<const FolderRun> runs, std::string_view certainty = {});

// Reads the folders, in this order, and writes the report of all of them to `file`. Errors: those of read_run_folder(), all of
// them; `file` cannot be written.
Result<void> write_html_report(const std::vector<std::string>& folders, const std::string& file,
                               std::string_view certainty = {});

}  // namespace infbench::report
