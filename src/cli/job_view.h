// JobView: one run as its folder and Slurm tell it, whichever of them knows: a run on this machine, a job that waits, runs, or
// ended, also one whose program was killed before it could say so. Values; the functions read files and ask Slurm; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launch/run_folder.h"
#include "launch/slurm.h"

namespace infbench::cli {

struct JobView {
  std::string job;                        // the folder's name
  std::string folder;                     // absolute; may not be there
  std::optional<launch::RunStatus> run;   // of status.json; none: the run has not begun
  std::optional<launch::JobState> slurm;  // none: no job of Slurm, or forgotten
  bool process_is_here = false;           // of a run on this machine: its program still runs

  bool is_slurm_job() const;
  bool ended() const;
  std::optional<int> exit_code() const;  // none: it has not ended, or nobody knows
  std::string state() const;             // in a few words: "PENDING (Resources)", "measuring", "ended", "lost"
};

// `given` if not empty, else the cluster's output_dir, else ./outputs; absolute.
Result<std::string> find_outputs_dir(const std::string& given);

// `job`: a number, a folder's name in `outputs_dir`, or a path. Error: there is no such run.
Result<JobView> look_at(const std::string& job, const std::string& outputs_dir);

// Again, into the same view. `ask_slurm`: else only the folder is looked at.
Result<void> look_again(JobView& view, bool ask_slurm);

// The folders of `outputs_dir` that are runs, latest first; Slurm is asked of those that have not ended.
Result<std::vector<JobView>> all_jobs(const std::string& outputs_dir);

}  // namespace infbench::cli
