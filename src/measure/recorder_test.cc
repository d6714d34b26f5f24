// The recorder: any order in, order of request out.
#include "measure/recorder.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "measure/example_for_test.h"

namespace infbench::measure {
namespace {

TEST(Recorder, HandsOverInOrderOfRequest) {
  Recorder recorder(3);
  recorder.of({2}).input = 20;
  recorder.of({0}).input = 1;
  recorder.add(example_error(7, 5, 70));
  recorder.of({2}).output = 2;  // the same record
  EXPECT_EQ(recorder.size(), 3U);
  const auto records = recorder.take();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].request.value, 0U);
  EXPECT_EQ(records[1].request.value, 2U);
  EXPECT_EQ(records[1].input, 20);
  EXPECT_EQ(records[1].output, 2);
  EXPECT_EQ(records[2].request.value, 7U);
  EXPECT_EQ(recorder.size(), 0U);
  EXPECT_TRUE(recorder.take().empty());
}

TEST(RecorderDeathTest, TakesARequestOnlyOnce) {
  Recorder recorder;
  recorder.add(example_error(1, 5, 70));
  EXPECT_DEATH(recorder.add(example_error(1, 5, 70)), "check failed");
}

RC_GTEST_PROP(RecorderProperty, TheOrderOfCompletionDoesNotMatter, (std::uint64_t seed)) {
  auto records = example_records();
  const auto expected = summarize(records, example_slo(), example_workers(), 4);
  Random random(seed);
  for (std::size_t i = records.size(); i > 1; --i) std::swap(records[i - 1], records[random.below(i)]);
  Recorder recorder;
  for (auto& record : records) recorder.add(record);
  const auto taken = recorder.take();
  const auto summary = summarize(taken, example_slo(), example_workers(), 4);
  RC_ASSERT(summary.ttft_ms.avg == expected.ttft_ms.avg);
  for (std::uint32_t i = 0; i < taken.size(); ++i) RC_ASSERT(taken[i].request.value == i);
}

}  // namespace
}  // namespace infbench::measure
