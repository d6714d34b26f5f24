// After 30 days of virtual time everything takes exactly as long as at its beginning: what simulate(), its recorder, figures
// and timeline make of requests does not depend on when they come.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "measure/summary.h"
#include "measure/timeline.h"
#include "route/factory.h"
#include "simulate/simulate.h"
#include "trace/read.h"

namespace infbench::simulate {
namespace {

constexpr std::int64_t kDays_ms = std::int64_t{30} * 86'400'000;

Cluster two_workers() {
  cost::Coefficients c;
  c.step = 7'001'337 * cost::kTicksPerNs / 3;
  c.token = 1'013 * cost::kTicksPerNs;
  c.kv_token = 1'234'567;
  cost::KvCapacity kv;
  kv.kv_per_token_per_gpu = 1000;
  Cluster cluster;
  cluster.models.push_back(std::make_shared<const cost::Model>(
      cost::Model{.key = {}, .models = {}, .gpu_aliases = {}, .step_time = cost::StepTime(c), .kv = kv, .provenance = {}}));
  cluster.inside_node = {.bytes_per_s = 100'000'000'000, .latency = microseconds(2)};
  cluster.across_nodes = {.bytes_per_s = 10'000'000'000, .latency = microseconds(10)};
  cluster.slo = {.ttft = milliseconds(2000), .itl = milliseconds(25)};
  for (int i = 0; i < 2; ++i) {
    cluster.workers.push_back(
        {.config =
             {.role = Role::aggregated, .kv_capacity = 20'000'000, .page = 64, .chunk = 2048, .context_length = 20'000'000},
         .model = cluster.models.front().get(),
         .node = i});
  }
  return cluster;
}

std::string row(std::int64_t at_us, Tokens input, Tokens output, std::uint64_t first_id) {
  std::string ids;
  for (std::uint64_t b = 0; b < static_cast<std::uint64_t>(trace::blocks_of(input)); ++b) {
    ids += fmt::format("{}{}", b == 0 ? "" : ", ", first_id + b);
  }
  return fmt::format("{{\"timestamp\": {}.{:03}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}]}}\n",
                     at_us / 1000, at_us % 1000, input, output, ids);
}

// A hundred requests with microseconds in their times, two before them so that the same worker has its turn.
std::string rows_from(std::int64_t begin_us) {
  std::string rows = row(0, 512, 2, 1'000'000) + row(1, 512, 2, 2'000'000);
  Random random(1);
  std::int64_t at = begin_us;
  for (int i = 0; i < 100; ++i) {
    at += static_cast<std::int64_t>(random.below(700'001));
    rows += row(at, 1 + static_cast<Tokens>(random.below(4000)), 1 + static_cast<Tokens>(random.below(300)),
                random.below(3) * 1000);
  }
  return rows;
}

struct Lived {
  std::vector<measure::RequestRecord> records;
  measure::Summary summary;
};

Lived run(const std::string& rows, measure::Timeline* timeline = nullptr) {
  const auto read = trace::read_trace_text(rows, "test");
  EXPECT_TRUE(read) << format_errors(read.error());
  const Cluster cluster = two_workers();
  std::vector<route::WorkerSpec> specs;
  for (std::uint32_t i = 0; i < 2; ++i) {
    specs.push_back(
        {.id = {i}, .role = Role::aggregated, .kv_capacity = 20'000'000, .speed = &cluster.workers[i].model->step_time});
  }
  route::RouterConfig config;
  config.policy = route::make_policy("min_ttft", {}).value();
  route::Router router(std::move(config), specs);
  Outcome outcome = simulate(read->trace, trace::schedule_of(read->trace, 1.0), cluster, router, {}, timeline);
  Lived result;
  result.summary = measure::summarize(outcome.records, cluster.slo, std::vector<measure::WorkerInfo>(2), 2);
  result.records = std::move(outcome.records);
  return result;
}

TEST(LongRun, ThirtyDaysLaterEveryRequestTakesAsLongToTheNanosecond) {
  constexpr std::int64_t kFirst_us = 60'000'000;
  const Lived now = run(rows_from(kFirst_us));
  const Lived later = run(rows_from(kFirst_us + kDays_ms * 1000));
  ASSERT_EQ(now.records.size(), later.records.size());
  for (std::size_t i = 0; i < now.records.size(); ++i) {
    const Duration shift = i < 2 ? Duration{} : milliseconds(kDays_ms);
    EXPECT_EQ(later.records[i].scheduled, now.records[i].scheduled + shift) << i;
    EXPECT_EQ(*later.records[i].first_token, *now.records[i].first_token + shift) << i;
    EXPECT_EQ(*later.records[i].end, *now.records[i].end + shift) << i;
    EXPECT_EQ(later.records[i].cached, now.records[i].cached) << i;
  }
  EXPECT_EQ(later.summary.ttft_ms.p99, now.summary.ttft_ms.p99);
  EXPECT_EQ(later.summary.itl_ms.avg, now.summary.itl_ms.avg);
  EXPECT_EQ(later.summary.duration, now.summary.duration + milliseconds(kDays_ms));
}

// One answer of a month: millions of tokens, one a second, without a request beside it.
TEST(LongRun, AnAnswerOfThirtyDaysEndsWhenItsStepsDo) {
  constexpr Tokens kOutput = 17'000'000;
  measure::Timeline timeline(2);
  const Lived month = run(row(0, 512, kOutput, 1), &timeline);
  ASSERT_EQ(month.records.size(), 1U);
  ASSERT_TRUE(month.records[0].end.has_value());
  EXPECT_EQ(month.records[0].output, kOutput);
  const double days = to_s(*month.records[0].end - month.records[0].scheduled) / 86'400;
  EXPECT_GT(days, 30) << "else this tests nothing";
  // Its mean step, from the terms of the step time: 2.33 ms and 18.8 ns for each token of KV, of which there are 8 million on
  // average.
  const cost::StepTime speed = two_workers().models.front()->step_time;
  double expected_s = 0;
  for (Tokens done = 0; done < kOutput; done += 100'000) {
    expected_s += static_cast<double>(speed.decode_sum(1, 512 + done, 100'000)) / cost::kTicksPerNs / 1e9;
  }
  EXPECT_NEAR(days * 86'400 / expected_s, 1, 1e-3);
  EXPECT_GT(month.summary.itl_ms.avg, 0);
}

}  // namespace
}  // namespace infbench::simulate
