// ExitWatch: tells a loop at once that a child process has ended, by its pidfd: no SIGCHLD handler, nothing global.
//
// The child is not reaped: until the owner calls waitpid() its number, and that of its process group, stay its own. Of the
// loop's thread; destroying it stops watching.
#pragma once

#include <functional>
#include <memory>

#include "net/event_loop.h"

namespace infbench::net {

class ExitWatch {
 public:
  // `pid` is a child that has not been reaped; it may have ended already. Calls back once, never before it returns.
  ExitWatch(EventLoop& loop, int pid, std::function<void()> on_exit);
  ~ExitWatch();
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;

  // False: the kernel gave no descriptor for it (their limit), on_exit will not come.
  bool watching() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace infbench::net
