// Interrupts: while it lives, Ctrl-C and SIGTERM do not end the program but wait to be asked for. For commands that look at
// something again and again. The main thread, one at a time.
#pragma once

#include <csignal>

#include "base/time.h"

namespace infbench::cli {

class Interrupts {
 public:
  Interrupts();
  ~Interrupts();  // one that nobody asked for has its usual effect now
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Sleeps; the signal that ended the sleep early, or 0.
  int wait(Duration time);

 private:
  sigset_t watched_;
  sigset_t before_;
};

}  // namespace infbench::cli
