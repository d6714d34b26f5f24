#include "trace/schedule.h"

#include <gtest/gtest.h>

#include "trace/trace_for_test.h"

namespace infbench::trace {
namespace {

TEST(Schedule, SendsEachRequestAtItsTime) {
  const ReadTrace read = read_text(row(0, 5, 5, {0}) + row(1, 5, 5, {0}, R"(, "session_id": 1)") + row(2.5, 5, 5, {0}) +
                                   row(1000, 5, 5, {0}, R"(, "session_id": 1, "delay": 300)"));
  struct Case {
    double speed;
    std::int64_t third_ns, last_ns, delay_ns;
  };
  for (const Case& one : {Case{1.0, 2'500'000, 1'000'000'000, 300'000'000}, Case{2.0, 1'250'000, 500'000'000, 150'000'000},
                          Case{0.5, 5'000'000, 2'000'000'000, 600'000'000}, Case{3.0, 833'333, 333'333'333, 100'000'000},
                          Case{7.0, 357'143, 142'857'143, 42'857'143}}) {
    const Schedule schedule = schedule_of(read.trace, one.speed);
    ASSERT_EQ(schedule.sends.size(), 4U);
    EXPECT_FALSE(schedule.in_flight_max.has_value());
    EXPECT_EQ(schedule.sends[0].at, Time{});
    EXPECT_EQ(schedule.sends[2].request, RequestIndex{2});
    EXPECT_EQ(schedule.sends[2].at.ns, one.third_ns);
    EXPECT_FALSE(schedule.sends[2].after.has_value());
    EXPECT_EQ(schedule.sends[3].at.ns, one.last_ns);
    EXPECT_EQ(schedule.sends[3].after, RequestIndex{1});
    EXPECT_EQ(schedule.sends[3].delay.ns, one.delay_ns);
  }
}

}  // namespace
}  // namespace infbench::trace
