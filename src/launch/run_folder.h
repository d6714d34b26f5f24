// RunFolder: what a run leaves behind: outputs/JOB with the recipe, the plan, logs/, artifacts/, fingerprint.json, status.json
// (rewritten as a whole at each change of phase, so that it can be read at any time) and result.json.
//
// A value with the folder's path; writes files. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launch/run_machine.h"

namespace infbench::launch {

// Where a run is, as status.json says it. Times are Unix milliseconds.
struct RunStatus {
  std::string job;
  std::string launcher;  // local | srun
  std::string recipe;    // its name
  std::string phase;     // name_of(Phase)
  std::string waiting_for;
  int pid = 0;       // of the program that runs it
  std::string host;  // where that is
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> ended_ms;
  std::optional<int> exit_code;
  std::string reason;  // why the exit code is not 0
};
std::string to_json(const RunStatus& status);  // with a final newline
Result<RunStatus> parse_status(std::string_view json);

// What the machine is that ran it.
struct Fingerprint {
  std::string version;  // of this program
  std::string host;
  std::string kernel;
  std::vector<std::string> gpus;  // names; empty: nvidia-smi is not there
  std::string driver;
  std::string engine_version;  // as the first worker said it; empty: it did not
  std::string trace_file;      // empty: none is used
  std::string trace_sha256;
};
std::string to_json(const Fingerprint& fingerprint);

class RunFolder {
 public:
  // Makes the folder with logs/ and artifacts/; one that is there may have no status.json unless `again`.
  static Result<RunFolder> create(const std::string& path, bool again);
  // A new one in `parent`, named by the moment and the recipe ("20261123-110650-qwen3-32b-agg"), also when several are made at
  // once.
  static Result<RunFolder> create_new(const std::string& parent, const std::string& recipe_name, std::int64_t epoch_ms);

  const std::string& path() const { return path_; }  // absolute
  std::string name() const;                          // the last part
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  Result<void> write(std::string_view name, std::string_view text) const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// The last `lines` lines of a file, at most 8 KB of it; empty when there is none.
std::string last_lines(const std::string& path, int lines);

}  // namespace infbench::launch
