// run_plan(): runs a plan's processes to the end, on this machine or through srun; only their launch_argv differ. The shell
// around RunMachine: it has the loop, the processes, the questions over HTTP, the user's signals, and writes status.json up to
// the teardown.
//
// Blocks until everything has ended. One call at a time per process (it takes SIGINT and SIGTERM).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "launch/run_folder.h"
#include "launch/run_machine.h"
#include "plan/plan.h"

namespace infbench::launch {

struct RunOptions {
  RunStatus status;                                // what it begins with: job, launcher, recipe, start
  std::function<void(std::string_view line)> say;  // tells the user what goes on
};

struct RunEnd {
  Outcome outcome;
  std::string engine_version;
  std::string last_words;  // the last lines of the log of the process to blame; empty: none is
};

// The folder's logs/ must be there. Error: the guard against orphans cannot be started, and nothing was.
Result<RunEnd> run_plan(const plan::Plan& plan, const RunFolder& folder, RunOptions options);

}  // namespace infbench::launch
