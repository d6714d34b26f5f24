// All that is asked of Slurm: a job is submitted, looked at and cancelled; the allocation that we run in; the steps that a run
// leaves behind. Each function starts Slurm's own programs (run_tool.h) and waits for them.
//
// No state; usable from any thread. Errors show what Slurm printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace infbench::launch {

// sbatch is in $PATH.
bool slurm_is_here();

struct Submission {
  std::string script;       // plan::batch_script(); becomes batch.sh of the job's folder
  std::string outputs_dir;  // absolute; the job's folder is outputs_dir/JOB
  std::vector<std::pair<std::string, std::string>>
      files;  // name -> content, put into the job's folder before the job can start
};

// Hands the script to sbatch and gives the job's number. The job is held until its folder and all files are there; when they
// cannot be written it is cancelled again.
Result<std::string> submit_job(const Submission& submission);

// What Slurm knows of a job.
struct JobState {
  std::string state;                       // "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", ...
  std::string reason;                      // why it waits or ended; empty: none
  std::string nodes;                       // as Slurm writes them: "node[0-1]"; empty: none yet
  std::optional<int> exit_code;            // of the batch script, 128 + N when signal N ended it; none: it has not ended
  std::optional<std::int64_t> end_time_s;  // Unix seconds: when it ended, or when its time limit ends it; none: not known

  bool ended() const;
};

// None: Slurm does not know the job (any more: it forgets jobs minutes after their end).
Result<std::optional<JobState>> job_state(const std::string& job);

// All of the job ends: what runs in it gets SIGTERM, and SIGKILL after the cluster's KillWait (30 s by default).
Result<void> cancel_job(const std::string& job);

// The allocation that this program runs in.
struct Allocation {
  std::string job;
  std::vector<std::string> nodes;          // one name each
  std::optional<std::int64_t> end_time_s;  // Unix seconds, when the time limit ends it; none: there is no limit
};

// Error: there is none, or Slurm does not answer.
Result<Allocation> find_allocation();
bool in_allocation();  // $SLURM_JOB_ID is set

// The steps that run in the job now: "12345.0". Without the batch script and what else is not a step of srun.
Result<std::vector<std::string>> running_steps(const std::string& job);

// Ends all steps of the job but those of `keep` (running_steps() before the run), with SIGKILL, and waits until they are gone.
// For teardown, after the sruns had their SIGTERM.
Result<void> end_steps(const std::string& job, const std::vector<std::string>& keep);

}  // namespace infbench::launch
