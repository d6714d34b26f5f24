// run_until_stopped: runs a loop in a test, and fails the test instead of hanging for ever.
#pragma once

#include <gtest/gtest.h>

#include "net/event_loop.h"

namespace infbench::net {

inline void run_until_stopped(EventLoop& loop, Duration patience = seconds(60)) {
  Timer too_long(loop, [&] {
    ADD_FAILURE() << "the loop was never stopped";
    loop.stop();
  });
  too_long.arm(steady_now() + patience);
  loop.run();
}

}  // namespace infbench::net
