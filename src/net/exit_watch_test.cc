#include "net/exit_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "net/loop_for_test.h"

namespace infbench::net {
namespace {

int start_shell(const char* script) {
  std::array<char*, 4> argv{const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>(script), nullptr};
  pid_t child = -1;
  EXPECT_EQ(posix_spawnp(&child, "sh", nullptr, nullptr, argv.data(), environ), 0);
  return child;
}

TEST(ExitWatch, TellsOfAnExitAndLeavesTheReapingToItsOwner) {
  for (const bool killed : {false, true}) {
    EventLoop loop;
    const int child = start_shell(killed ? "exec sleep 600" : "exit 3");
    int calls = 0;
    const ExitWatch watch(loop, child, [&] {
      ++calls;
      loop.stop();
    });
    ASSERT_TRUE(watch.watching());
    if (killed) ::kill(child, SIGKILL);
    run_until_stopped(loop);
    EXPECT_EQ(calls, 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(killed ? WTERMSIG(status) : WEXITSTATUS(status), killed ? SIGKILL : 3);
  }
}

TEST(ExitWatch, IsSilentOnceItIsGone) {
  EventLoop loop;
  const int child = start_shell("exit 0");
  {
    const ExitWatch watch(loop, child, [] { ADD_FAILURE() << "called after its end"; });
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  Timer later(loop, [&] { loop.stop(); });
  later.arm(steady_now() + milliseconds(20));
  run_until_stopped(loop);
}

}  // namespace
}  // namespace infbench::net
