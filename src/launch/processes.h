// Processes: the processes of a run, each the leader of a group of its own, with its log. Starts them from words (no shell),
// tells their exits at once, and signals whole groups.
//
// Owns the processes: what still runs when it is destroyed is killed. Of the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "launch/guard.h"
#include "launch/run_machine.h"
#include "net/event_loop.h"
#include "net/exit_watch.h"
#include "plan/plan.h"

namespace infbench::launch {

// Where a command's own output goes when we start it: its log; of an srun, which writes the log itself, NAME.srun.err beside
// it.
std::string log_written_by_us(const plan::Command& command);

class Processes {
 public:
  using OnExit = std::function<void(int process, Exit exit)>;

  // `guard` must outlive it.
  Processes(net::EventLoop& loop, Guard& guard, OnExit on_exit);
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // `process` is a number of the caller's choice, used once. Error: the program or the log cannot be opened.
  Result<void> start(int process, const plan::Command& command);
  // To its group; nothing if it has ended.
  void signal(int process, int signal);

 private:
  struct Running {
    int pid = -1;
    std::unique_ptr<net::ExitWatch> watch;
  };
  Exit reap(int pid);
  void on_exit(int process);

  net::EventLoop& loop_;
  Guard& guard_;
  OnExit on_exit_;
  std::map<int, Running> running_;
};

}  // namespace infbench::launch
