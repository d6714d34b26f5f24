#include "measure/timeline.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace infbench::measure {
namespace {

using testing::HasSubstr;

std::vector<WorkerLoad> one_worker() {
  std::vector<WorkerLoad> workers(1);
  workers[0].info = {.name = "agg_0", .role = Role::aggregated, .kv_capacity = 1000};
  return workers;
}

Time at(std::int64_t ms) { return Time{} + milliseconds(ms); }

// Two requests wait for half of the first bin, one computes for all of the second and half of the (shorter) last.
TEST(Timeline, ValuesAreMeansOfTheirBins) {
  Timeline timeline(1);
  timeline.note({0}, {.waiting = 2, .kv = 100}, at(50));
  timeline.note({0}, {.prefill = 1, .kv = 300}, at(100));
  timeline.note({0}, {}, at(220));
  timeline.note({0}, {}, at(240));
  timeline.set_cacheable({0, 64});
  EXPECT_EQ(timeline.json(one_worker(), 5),
            "{\"start_ns\":5,\"end_s\":0.24,\"bin_s\":0.1,\"workers\":[{\"name\":\"agg_0\",\"role\":\"agg\","
            "\"kv_capacity_tokens\":1000,\"waiting\":[1.0,0.0,0.0],\"prefill\":[0.0,1.0,0.5],\"decode\":[0.0,0.0,0.0],"
            "\"transfers\":[0.0,0.0,0.0],\"kv_tokens\":[50,300,150]}],\"cacheable_tokens\":[0,64]}\n");
}

// Bins count from when the first request was due; the refused one waits until it is refused.
TEST(Timeline, OfRecordsSaysWhoWaitsAndWhoGetsTokens) {
  auto record = [](std::int64_t sent_ms, std::optional<std::int64_t> first_ms, std::int64_t end_ms) {
    RequestRecord r;
    r.scheduled = r.sent = at(sent_ms);
    if (first_ms) r.first_token = at(*first_ms);
    r.end = at(end_ms);
    return r;
  };
  const std::vector<RequestRecord> records = {record(5'000, 5'050, 5'200), record(5'100, {}, 5'150)};
  const std::string json = timeline_of(records, 1).json(one_worker(), 7);
  EXPECT_THAT(json, HasSubstr("{\"start_ns\":5000000007,\"end_s\":0.2,\"bin_s\":0.1,"));
  EXPECT_THAT(json, HasSubstr("\"waiting\":[0.5,0.5],"));
  EXPECT_THAT(json, HasSubstr("\"decode\":[0.5,1.0],"));
}

TEST(Timeline, BinsWidenInsteadOfGrowingInNumber) {
  Timeline timeline(1);
  timeline.note({0}, {.decode = 4}, at(0));
  timeline.note({0}, {.decode = 2}, at(102'400));  // 1,024 bins of 100 ms
  EXPECT_THAT(timeline.json(one_worker(), 0), HasSubstr("\"bin_s\":0.1,"));
  timeline.note({0}, {}, at(102'500));
  EXPECT_THAT(timeline.json(one_worker(), 0), HasSubstr("\"bin_s\":0.2,"));
  timeline.note({0}, {}, at(3'600'000));
  const std::string hour = timeline.json(one_worker(), 0);
  EXPECT_THAT(hour, HasSubstr("\"bin_s\":6.4,"));
  EXPECT_THAT(hour, HasSubstr("\"decode\":[4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,0.03,0.0,"));
}

// 8 GPUs' worth of KV and 30 days: 64 bits of tokens x ns would not hold a bin.
TEST(Timeline, AMonthOfManyTokensFits) {
  Timeline timeline(1);
  timeline.note({0}, {.decode = 5000, .kv = 50'000'000}, at(0));
  timeline.note({0}, {}, at(std::int64_t{30} * 86'400'000));
  const std::string json = timeline.json(one_worker(), 0);
  EXPECT_THAT(json, HasSubstr("\"end_s\":2592000.0,\"bin_s\":3276.8,"));
  EXPECT_THAT(json, HasSubstr("\"decode\":[5000.0,5000.0,"));
  EXPECT_THAT(json, HasSubstr("\"kv_tokens\":[50000000,50000000,"));
}

}  // namespace
}  // namespace infbench::measure
