// Guard: the last line against orphans. A small child of this program in a session of its own that holds the read end of a
// pipe; when the pipe closes, because the run is over or because we were killed, it ends what is still there of the run's
// processes.
//
// It finds them by their process groups, which it is told, and by a variable of their environment (kRunVariable), so that
// processes that made a session of their own and those that were just being started are found too. The Guard object owns the
// child; one thread. guard_main() is what the child runs.
#pragma once

#include <string>

#include "base/result.h"

namespace infbench::launch {

inline constexpr const char* kGuardCommand = "guard-processes";  // of srtctl, not for people
inline constexpr const char* kRunVariable = "SRTCTL_RUN";

class Guard {
 public:
  // `program`: this one. Error: it cannot be started.
  static Result<Guard> start(const std::string& program);
  Guard(Guard&& other) noexcept;
  Guard& operator=(Guard&&) = delete;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();  // what is left of the run is ended, then the guard

  // What every process of the run must have in kRunVariable.
  const std::string& run_id() const { return run_id_; }
  void add(int process_group);
  void remove(int process_group);  // nothing of it is left

 private:
  Guard(int pipe, int child, std::string run_id) : pipe_(pipe), child_(child), run_id_(std::move(run_id)) {}
  void tell(char what, int process_group);

  int pipe_ = -1;
  int child_ = -1;
  std::string run_id_;
};

// Reads lines from standard input until it closes: "+GROUP", "-GROUP", and "." when the end is an orderly one. Then ends what
// is left: SIGTERM, after some seconds SIGKILL. The exit code of the program.
int guard_main(const std::string& run_id);

}  // namespace infbench::launch
