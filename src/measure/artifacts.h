// The output folder of one run: every file that goes there, written whole or not at all.
//
//   profile_export_aiperf.json, profile_export_aiperf.csv, profile_export.jsonl   as aiperf's users know them
//   summary.json                                                                  our own figures
//   host.json                                                                     time and CPU used: the one file that differs
//   between runs
//
// Called from one thread.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "measure/record.h"
#include "measure/run.h"

namespace infbench::measure {

// Creates `folder`. Errors name the file or folder that could not be written; files already written stay.
Result<void> write_artifacts(const std::string& folder, const RunResult& run, std::span<const RequestRecord> records);

}  // namespace infbench::measure
