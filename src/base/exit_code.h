// The exit codes of srtctl, one per class of failure.
#pragma once

namespace infbench {

enum class ExitCode : int {
  success = 0,
  bad_input = 2,  // usage, recipe or trace error; also an output folder that cannot be written
  cannot_launch = 3,
  worker_failed = 4,
  not_ready = 5,
  not_valid = 6,     // the run finished, but its result is not valid
  limit_missed = 7,  // a limit given with --require was missed
  interrupted = 130,
};

}  // namespace infbench
