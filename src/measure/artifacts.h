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
#include <string_view>
#include <utility>

#include "base/append_file.h"
#include "base/result.h"
#include "measure/record.h"
#include "measure/run.h"

namespace infbench::measure {

// Creates `folder`. Errors name the file or folder that could not be written; files already written stay.
Result<void> write_artifacts(const std::string& folder, const RunResult& run, std::span<const RequestRecord> records);

// The same of a run over HTTP, whose records were appended to the folder by LiveRecordFile as they came: all other files.
// `prefix` instead of "profile_export_aiperf" and "profile_export" in the names that aiperf lets its users choose; may be
// empty.
Result<void> write_live_artifacts(const std::string& folder, const std::string& prefix, const RunResult& run);

// profile_export.jsonl of a run over HTTP, or another file of lines: they are appended as requests end, so that a run that is
// killed leaves what it had (base/append_file.h). One owner, one thread.
class LiveRecordFile {
 public:
  // Creates the folder; an older file of that name is replaced.
  static Result<LiveRecordFile> create(const std::string& folder, const std::string& name);

  void append(std::string_view line);
  Result<void> finish();                                 // syncs to disk
  bool well() const { return file_.problem().empty(); }  // else nothing is appended any more, finish() says why

 private:
  explicit LiveRecordFile(AppendFile file) : file_(std::move(file)) {}

  AppendFile file_;
};

}  // namespace infbench::measure
