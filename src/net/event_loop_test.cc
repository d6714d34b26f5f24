#include "net/event_loop.h"

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/loop_for_test.h"

namespace infbench::net {
namespace {

using ::testing::ElementsAre;

TEST(EventLoop, TimersGoOffInTheOrderOfTheirMoments) {
  EventLoop loop;
  std::string order;
  const Time start = steady_now();
  Timer c(loop, [&] {
    order += 'c';
    EXPECT_GE(steady_now(), start + milliseconds(3));
    loop.stop();
  });
  Timer a(loop, [&] { order += 'a'; });
  Timer b(loop, [&] { order += 'b'; });
  c.arm(start + milliseconds(3));
  b.arm(start + milliseconds(2));
  a.arm(start + milliseconds(1));
  run_until_stopped(loop);
  EXPECT_EQ(order, "abc");
}

TEST(EventLoop, ATimerKeepsOnlyItsLastMoment) {
  EventLoop loop;
  int calls = 0;
  Timer later(loop, [&] { ++calls; });
  Timer never(loop, [&] { ADD_FAILURE() << "was disarmed"; });
  Timer far(loop, [&] { ADD_FAILURE() << "at the end of time"; });
  later.arm(steady_now() + seconds(3600));
  later.arm(steady_now() - seconds(5));
  later.arm(steady_now() + milliseconds(1));
  never.arm(steady_now());
  never.disarm();
  far.arm(kNever);
  Timer end(loop, [&] { loop.stop(); });
  end.arm(steady_now() + milliseconds(5));
  run_until_stopped(loop);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, AnOverdueTimerCallsBackAfterArmReturns) {
  EventLoop loop;
  int calls = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    const int before = ++calls;
    if (calls == 3) {
      timer.reset();  // from inside its own callback
      loop.stop();
      return;
    }
    timer->arm(steady_now() - seconds(1));
    EXPECT_EQ(calls, before);
  });
  timer->arm(steady_now() - seconds(1));
  EXPECT_EQ(calls, 0);
  run_until_stopped(loop);
  EXPECT_EQ(calls, 3);
}

TEST(EventLoop, ADestroyedTimerIsSilentAlthoughItWasDue) {
  EventLoop loop;
  auto second = std::make_unique<Timer>(loop, [] { ADD_FAILURE(); });
  Timer first(loop, [&] { second.reset(); });
  Timer end(loop, [&] { loop.stop(); });
  const Time now = steady_now();
  first.arm(now - milliseconds(2));
  second->arm(now - milliseconds(1));
  end.arm(now);
  run_until_stopped(loop);
  EXPECT_EQ(second, nullptr);
}

TEST(EventLoop, PostsOfOtherThreadsRunHereInOrder) {
  EventLoop loop;
  std::vector<int> seen;
  const auto here = std::this_thread::get_id();
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) {
      loop.post([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        seen.push_back(i);
      });
    }
    loop.post([&] { loop.stop(); });
  });
  run_until_stopped(loop);
  other.join();
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(EventLoop, StopsAndRunsAgain) {
  EventLoop loop;
  std::vector<int> order;
  loop.stop();  // ahead of run()
  loop.post([&] { order.push_back(1); });
  loop.run();
  EXPECT_THAT(order, ElementsAre());
  loop.post([&] {
    order.push_back(2);
    loop.stop();
  });
  loop.post([&] {
    order.push_back(3);
    loop.stop();
  });
  loop.run();
  EXPECT_THAT(order, ElementsAre(1, 2));
  loop.run();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(EventLoop, ASignalComesOnce) {
  EventLoop loop;
  int seen = 0;
  SignalWatch watch(loop, [&](int signal) {
    seen = signal;
    loop.stop();
  });
  loop.post([] { ::raise(SIGTERM); });
  run_until_stopped(loop);
  EXPECT_EQ(seen, SIGTERM);
  struct sigaction now {};
  ::sigaction(SIGTERM, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST(EventLoop, TheEpochGoesOnWithTheSteadyClock) {
  const Time now = steady_now();
  EXPECT_EQ(to_epoch_ns(now + seconds(5)) - to_epoch_ns(now), seconds(5).ns);
  EXPECT_GT(to_epoch_ns(now), std::int64_t{1'700'000'000} * 1'000'000'000);
}

}  // namespace
}  // namespace infbench::net
