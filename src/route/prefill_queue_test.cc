#include "route/prefill_queue.h"

#include <gtest/gtest.h>

namespace infbench::route {
namespace {

constexpr Time at(std::int64_t ms) { return Time{} + milliseconds(ms); }

PrefillQueue queue_of_steps(std::int64_t step_ms) {
  PrefillQueue queue;
  queue.set_step(milliseconds(step_ms));
  return queue;
}

TEST(PrefillQueue, WaitsForWhatIsBeforeLessTheTimeGone) {
  PrefillQueue queue = queue_of_steps(400);
  EXPECT_EQ(queue.wait(at(0)), milliseconds(0));
  queue.push(RequestId{1}, milliseconds(300), at(1000));
  queue.push(RequestId{2}, milliseconds(500), at(1100));
  EXPECT_EQ(queue.wait(at(1100)), milliseconds(700));
  EXPECT_EQ(queue.wait(at(1500)), milliseconds(300));
  EXPECT_EQ(queue.size(), 2u);
}

TEST(PrefillQueue, AFirstTokenSaysWhereTheWorkerIs) {
  PrefillQueue early = queue_of_steps(400);
  early.push(RequestId{1}, milliseconds(1000), at(0));
  early.push(RequestId{2}, milliseconds(1000), at(0));
  early.computed(RequestId{1}, at(600));  // sooner than thought: 2 starts now at the latest
  EXPECT_EQ(early.wait(at(600)), milliseconds(1000));

  PrefillQueue late = queue_of_steps(400);
  late.push(RequestId{1}, milliseconds(1000), at(0));
  late.push(RequestId{2}, milliseconds(1000), at(0));
  late.computed(RequestId{1}, at(1700));  // later: of 2 at most one step can be done
  EXPECT_EQ(late.wait(at(1700)), milliseconds(600));

  PrefillQueue shared = queue_of_steps(400);
  shared.push(RequestId{1}, milliseconds(1000), at(0));
  shared.push(RequestId{2}, milliseconds(1000), at(0));
  shared.computed(RequestId{1}, at(1200));  // 1's last step held 200 ms of 2, it seems: believed
  EXPECT_EQ(shared.wait(at(1200)), milliseconds(800));
  shared.computed(RequestId{2}, at(1900));
  EXPECT_EQ(shared.wait(at(1900)), milliseconds(0));
}

TEST(PrefillQueue, AStuckWorkerDoesNotLookIdle) {
  PrefillQueue queue = queue_of_steps(100);
  for (std::uint64_t id = 1; id <= 5; ++id) queue.push(RequestId{id}, milliseconds(300), at(0));
  // Five times 300 ms, no first token: four of them are still to come, but for one step's worth.
  EXPECT_EQ(queue.wait(at(60'000)), milliseconds(1100));
}

TEST(PrefillQueue, WhatIsDroppedIsNotWaitedFor) {
  PrefillQueue queue = queue_of_steps(100);
  queue.push(RequestId{1}, milliseconds(300), at(0));
  queue.push(RequestId{2}, milliseconds(500), at(0));
  queue.drop(RequestId{2});
  queue.drop(RequestId{7});
  EXPECT_EQ(queue.wait(at(100)), milliseconds(200));
  queue.clear();
  EXPECT_EQ(queue.wait(at(100)), milliseconds(0));
}

}  // namespace
}  // namespace infbench::route
