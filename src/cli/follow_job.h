// follow_job(): `srtctl submit --wait`: tells on stderr how a Slurm job gets on, until it has ended. The main thread.
#pragma once

#include <string>

#include "base/exit_code.h"

namespace infbench::cli {

// `folder`: the job's. Gives the run's own exit code; 3 when the job ended without one (it never began, or was killed). Ctrl-C
// leaves the job alone (130); a second one within 3 seconds cancels it, and it is followed to its end.
ExitCode follow_job(const std::string& job, const std::string& folder);

}  // namespace infbench::cli
