#include "cli/interrupts.h"

#include <ctime>

namespace infbench::cli {

Interrupts::Interrupts() {
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGINT);
  sigaddset(&watched_, SIGTERM);
  sigprocmask(SIG_BLOCK, &watched_, &before_);
}

Interrupts::~Interrupts() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

int Interrupts::wait(Duration time) {
  const timespec limit{.tv_sec = time.ns / 1'000'000'000, .tv_nsec = time.ns % 1'000'000'000};
  const int signal = sigtimedwait(&watched_, nullptr, &limit);
  return signal > 0 ? signal : 0;
}

}  // namespace infbench::cli
