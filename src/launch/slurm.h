// All that is asked of Slurm: a job is submitted, looked at and cancelled; the allocation that we run in; the steps that a run
// leaves behind. Each function starts Slurm's own programs (run_tool.h) and waits for them.
//
// No state; usable from any thread. Errors show what Slurm printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/output_file.h"
#include "base/result.h"

namespace infbench::launch {

// sbatch is in $PATH.
bool slurm_is_here();

// Digits. What a user calls a job is checked with this before it goes to a command line.
bool is_job_id(std::string_view text);

struct Submission {
  std::string script;       // plan::batch_script(); becomes batch.sh of the job's folder
  std::string outputs_dir;  // absolute; the job's folder is outputs_dir/JOB
  struct File {
    std::string name, content;
    Readers readers = Readers::all;
  };
  std::vector<File> files;  // put into the job's folder before the job can start
  Readers script_readers = Readers::all;
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

// Ends the job. gently: only the batch script gets SIGTERM, so that it ends its steps in order and collects what there is; a
// job that still waits is just removed. at_once: all steps and the script get SIGTERM together, and SIGKILL after the cluster's
// KillWait (30 s by default). A job that has ended is no error.
enum class Cancel : std::uint8_t { gently, at_once };
Result<void> cancel_job(const std::string& job, Cancel how);

// The allocation that this program runs in.
struct Allocation {
  std::string job;
  std::vector<std::string> nodes;          // one name each
  std::optional<std::int64_t> end_time_s;  // Unix seconds, when the time limit ends it; none: there is no limit
};

// Error: there is none, or Slurm does not answer.
Result<Allocation> find_allocation();
bool in_allocation();  // $SLURM_JOB_ID is set

// A step of srun.
struct JobStep {
  std::string id;    // "12345.0"
  std::string name;  // srun --job-name; else the program's
};

// Those that run in the job now, without the batch script and what else srun did not start.
Result<std::vector<JobStep>> running_steps(const std::string& job);

// Sends a signal to all processes of these steps. The only way to do so gently: srun answers SIGTERM and SIGHUP by killing its
// step (SIGKILL, no SIGTERM before it), keeps a first SIGINT to itself, and passes on only SIGUSR1 and SIGUSR2; a killed srun
// leaves its step running. (Slurm 22.05, seen.) A step that has ended meanwhile is no error.
Result<void> signal_steps(const std::vector<JobStep>& steps, int signal);

// Kills all steps of the job but those of `keep` (running_steps() before the run), and waits until they are gone. The last act
// of a teardown.
Result<void> end_steps(const std::string& job, const std::vector<JobStep>& keep);

}  // namespace infbench::launch
