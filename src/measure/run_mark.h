// RunMark: says of an output folder that its run has not ended. A file INCOMPLETE stands there from before the run's first file
// until after its last one, so a run that was killed, or could not write its files, cannot be taken for one that ended; the
// mark is locked while its run lives, so that a second run does not write into the same folder.
//
// Owns the marked folder's file. One owner, one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace infbench::measure {

class RunMark {
 public:
  // Creates the folder and marks it. The files that a run there may have left go: figures of one run beside records of another
  // would be nobody's. `prefix`: see write_live_artifacts(). Errors: the folder cannot be made or written to, another run
  // writes there.
  static Result<RunMark> set(const std::string& folder, const std::string& prefix = {});

  RunMark(RunMark&& other) noexcept;
  RunMark& operator=(RunMark&&) = delete;
  RunMark(const RunMark&) = delete;
  RunMark& operator=(const RunMark&) = delete;
  ~RunMark();  // the mark stays

  Result<void> clear();  // all files of the run are there, and on disk

 private:
  RunMark(std::string folder, int descriptor) : folder_(std::move(folder)), descriptor_(descriptor) {}

  std::string folder_;
  int descriptor_ = -1;
};

enum class RunState : std::uint8_t { ended, goes_on, cut_off };

// What the mark says; `ended` too where there never was a run.
RunState run_state(const std::string& folder);

}  // namespace infbench::measure
