// The figures of a run of five requests, worked out by hand (see example_for_test.h), and what must hold for any run.
#include "measure/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "measure/example_for_test.h"

namespace infbench::measure {
namespace {

Summary example() { return summarize(example_records(), example_slo(), example_workers(), 4); }

TEST(Summary, CountsRequests) {
  const Summary s = example();
  EXPECT_EQ(s.requests, 5);
  EXPECT_EQ(s.succeeded, 4);
  EXPECT_EQ(s.errors, 1);
  EXPECT_EQ(s.good_requests, 2);       // the quick one and the single token within TTFT
  EXPECT_EQ(s.good_request_count, 1);  // aiperf: the quick one
  EXPECT_EQ(s.ttft_within, 3);
  EXPECT_EQ(s.itl_within, 3);
  EXPECT_DOUBLE_EQ(*s.goodput_fraction(), 0.4);
  EXPECT_DOUBLE_EQ(*s.good_request_fraction(), 0.2);
  EXPECT_DOUBLE_EQ(*s.ttft_within_fraction(), 0.6);
  EXPECT_DOUBLE_EQ(*s.itl_within_fraction(), 0.6);
  ASSERT_EQ(s.error_counts.size(), 1U);
  EXPECT_EQ(s.error_counts[0].code, 400);
  EXPECT_EQ(s.error_counts[0].count, 1);
}

TEST(Summary, RatesAreOverTheWholeRun) {
  const Summary s = example();
  EXPECT_EQ(s.duration, milliseconds(4300));
  EXPECT_DOUBLE_EQ(*s.goodput_rps(), 2 / 4.3);
  EXPECT_EQ(s.output_tokens, 23);
  EXPECT_DOUBLE_EQ(*s.output_tokens_per_s(), 23 / 4.3);
  EXPECT_DOUBLE_EQ(*s.output_tokens_per_s_per_gpu(), 23 / 4.3 / 4);
  EXPECT_EQ(s.input_tokens, 10'000);
  EXPECT_EQ(s.cached_tokens, 3'584);
  EXPECT_DOUBLE_EQ(*s.prefix_hit_rate(), 0.3584);
}

TEST(Summary, Latencies) {
  const Summary s = example();
  // TTFT 100 500 1000 2500.
  EXPECT_EQ(s.ttft_ms.count, 4);
  EXPECT_DOUBLE_EQ(s.ttft_ms.avg, 1025);
  EXPECT_DOUBLE_EQ(s.ttft_ms.p50, 750);
  EXPECT_DOUBLE_EQ(s.ttft_ms.p90, 2050);
  EXPECT_DOUBLE_EQ(s.ttft_ms.p99, 2455);
  EXPECT_DOUBLE_EQ(s.ttft_ms.max, 2500);
  // ITL 10 30: answers of one token have none.
  EXPECT_EQ(s.itl_ms.count, 2);
  EXPECT_DOUBLE_EQ(s.itl_ms.avg, 20);
  EXPECT_DOUBLE_EQ(s.itl_ms.p90, 28);
  // E2E 190 500 1300 2500.
  EXPECT_DOUBLE_EQ(s.e2e_latency_ms.avg, 1122.5);
  EXPECT_DOUBLE_EQ(s.e2e_latency_ms.p50, 900);
  EXPECT_DOUBLE_EQ(s.time_to_second_token.avg, 20);
  EXPECT_DOUBLE_EQ(s.decode_duration.sum, 390);
  EXPECT_DOUBLE_EQ(s.output_token_throughput_per_user.max, 100);       // 9 tokens in 90 ms
  EXPECT_DOUBLE_EQ(s.output_token_throughput_per_user.min, 10 / 0.3);  // 10 tokens in 300 ms
  EXPECT_DOUBLE_EQ(s.e2e_output_token_throughput.max, 10 / 0.19);
  EXPECT_DOUBLE_EQ(s.prefill_throughput_per_user.max, 10'000);  // 1000 tokens in 100 ms
  EXPECT_EQ(s.effective_latency.count, 5);                      // the error, known at once, too
  EXPECT_EQ(s.effective_latency.min, 0);
  // With the error as infinitely slow.
  EXPECT_EQ(s.adj_time_to_first_token.count, 5);
  EXPECT_EQ(s.adj_time_to_first_token.p50, 1000);
  EXPECT_EQ(s.adj_inter_token_latency.count, 3);
  EXPECT_EQ(s.error_isl.sum, 200'000);
}

TEST(Summary, LoadOfWorkers) {
  const Summary s = example();
  ASSERT_EQ(s.workers.size(), 2U);
  EXPECT_EQ(s.workers[0].requests, 2);
  EXPECT_EQ(s.workers[0].uncomputed_tokens, 488 + 1976);
  EXPECT_EQ(s.workers[0].output_tokens, 11);
  EXPECT_EQ(s.workers[1].uncomputed_tokens, 2000 + 1952);
  EXPECT_DOUBLE_EQ(*s.workers[1].kv_peak_fraction(), 0.75);
  EXPECT_DOUBLE_EQ(*s.kv_peak_fraction(), 0.75);
  ASSERT_EQ(s.roles.size(), 1U);
  EXPECT_EQ(s.roles[0].workers, 2);
  EXPECT_DOUBLE_EQ(*s.roles[0].requests_max_over_mean, 1);
  EXPECT_DOUBLE_EQ(*s.roles[0].uncomputed_max_over_mean, 3952.0 / 3208);
}

TEST(Summary, LoadOfPairsIsToldPerRole) {
  auto records = example_records();
  for (RequestRecord& r : records) {
    if (r.worker) r.worker = WorkerId{2};
    if (r.worker) r.prefill_worker = WorkerId{r.request.value == 0 ? 0U : 1U};
  }
  const std::vector<WorkerInfo> workers{{.name = "prefill_0", .role = Role::prefill},
                                        {.name = "prefill_1", .role = Role::prefill},
                                        {.name = "decode_0", .role = Role::decode}};
  const Summary s = summarize(records, example_slo(), workers, 4);
  EXPECT_EQ(s.workers[0].uncomputed_tokens, 488);
  EXPECT_EQ(s.workers[0].output_tokens, 0);
  EXPECT_EQ(s.workers[1].requests, 3);
  EXPECT_EQ(s.workers[2].requests, 4);
  EXPECT_EQ(s.workers[2].uncomputed_tokens, 0);
  EXPECT_EQ(s.workers[2].output_tokens, 23);
  EXPECT_FALSE(s.kv_peak_fraction());
  ASSERT_EQ(s.roles.size(), 2U);
  EXPECT_DOUBLE_EQ(*s.roles[0].requests_max_over_mean, 1.5);
  EXPECT_DOUBLE_EQ(*s.roles[1].requests_max_over_mean, 1);
  EXPECT_FALSE(s.roles[1].uncomputed_max_over_mean);
}

TEST(Summary, LatencyCountsFromWhenARequestWasDue) {
  auto record = example_success(0, 1500, 3400, 3400, 1, 0);  // 1900 ms after it was sent
  record.scheduled = at_ms(1000);                            // but 2400 ms after it was due
  record.input = 10;
  const Summary s = summarize({&record, 1}, example_slo(), example_workers(), 4);
  EXPECT_EQ(s.ttft_ms.avg, 2400);
  EXPECT_EQ(s.e2e_latency_ms.avg, 2400);
  EXPECT_EQ(s.time_to_first_token.avg, 1900);
  EXPECT_EQ(s.request_latency.avg, 1900);
  EXPECT_EQ(s.credit_to_start_latency.avg, 500);
  EXPECT_EQ(s.effective_latency.avg, 2400);
  EXPECT_EQ(s.good_requests, 0);
  EXPECT_EQ(s.ttft_within, 0);
}

TEST(Summary, LimitsAreMetToTheNanosecond) {
  struct Case {
    std::int64_t ttft_ns, decode_ns;
    Tokens output;
    bool good, good_for_aiperf;
  };
  const Case cases[] = {
      {2'000'000'000, 25'000'000, 2, true, true},   {2'000'000'001, 25'000'000, 2, false, false},
      {2'000'000'000, 25'000'001, 2, false, false}, {2'000'000'000, 75'000'000, 4, true, true},
      {2'000'000'000, 75'000'001, 4, false, false}, {2'000'000'000, 0, 1, true, false},
      {2'000'000'001, 0, 1, false, false},          {2'000'000'000, 75'000'000, Tokens{1} << 60U, true, true},
  };
  for (const Case& c : cases) {
    auto record = example_success(0, 0, 0, 0, c.output, 0);
    record.first_token = Time{c.ttft_ns};
    record.end = Time{c.ttft_ns + c.decode_ns};
    const Summary s = summarize({&record, 1}, example_slo(), example_workers(), 4);
    EXPECT_EQ(s.good_requests, c.good ? 1 : 0) << c.ttft_ns << ' ' << c.decode_ns;
    EXPECT_EQ(s.good_request_count, c.good_for_aiperf ? 1 : 0) << c.ttft_ns << ' ' << c.decode_ns;
  }
}

TEST(Summary, WithoutRequests) {
  const Summary s = summarize({}, example_slo(), example_workers(), 4);
  EXPECT_EQ(s.requests, 0);
  EXPECT_TRUE(s.ttft_ms.empty());
  for (const auto& figure : {s.goodput_fraction(), s.goodput_rps(), s.prefix_hit_rate(), s.output_tokens_per_s(),
                             s.output_tokens_per_s_per_gpu(), s.good_request_fraction()}) {
    EXPECT_FALSE(figure);
  }
  EXPECT_DOUBLE_EQ(*s.kv_peak_fraction(), 0.75);
}

TEST(Summary, OfErrorsOnly) {
  auto unfinished = example_success(2, 0, 0, 0, 5, 0);
  unfinished.end.reset();  // no error, but no end either: an error all the same
  const std::vector<RequestRecord> records{example_error(0, 0, 10), example_error(1, 10, 20), unfinished};
  const Summary s = summarize(records, example_slo(), example_workers(), 4);
  EXPECT_EQ(s.errors, 3);
  EXPECT_EQ(*s.goodput_fraction(), 0);
  EXPECT_FALSE(s.prefix_hit_rate());
  EXPECT_TRUE(s.ttft_ms.empty());
  EXPECT_TRUE(s.adj_time_to_first_token.empty());
  EXPECT_EQ(s.error_isl.count, 3);
  ASSERT_EQ(s.error_counts.size(), 2U);
  EXPECT_EQ(s.error_counts[0].count, 2);
  EXPECT_EQ(s.error_counts[1].message, "the request did not finish");
  EXPECT_EQ(s.workers[0].errors, 1);
}

std::vector<RequestRecord> random_records(Random& random, std::uint32_t count) {
  std::vector<RequestRecord> records;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto sent = static_cast<std::int64_t>(random.below(100'000));
    const auto first = sent + static_cast<std::int64_t>(random.below(3'000));
    const auto output = static_cast<Tokens>(1 + random.below(4));
    const auto end = first + (output - 1) * static_cast<std::int64_t>(random.below(40));
    auto record = example_success(i, sent, first, end, output, static_cast<std::uint32_t>(random.below(2)));
    record.input = static_cast<Tokens>(1 + random.below(5000));
    record.cached = static_cast<Tokens>(random.below(static_cast<std::uint64_t>(record.input)));
    if (random.below(8) == 0) record.error = "failed";
    records.push_back(record);
  }
  return records;
}

RC_GTEST_PROP(SummaryProperty, AnErrorNeverImprovesGoodput, (std::uint64_t seed)) {
  Random random(seed);
  auto records = random_records(random, 1 + static_cast<std::uint32_t>(random.below(60)));
  const Summary before = summarize(records, example_slo(), example_workers(), 4);
  records[random.below(records.size())].error = "failed";
  const Summary after = summarize(records, example_slo(), example_workers(), 4);
  RC_ASSERT(*after.goodput_fraction() <= *before.goodput_fraction());
  RC_ASSERT(*after.ttft_within_fraction() <= *before.ttft_within_fraction());
  RC_ASSERT(*after.itl_within_fraction() <= *before.itl_within_fraction());
  RC_ASSERT(*after.good_request_fraction() <= *before.good_request_fraction());
  RC_ASSERT(after.requests == before.requests);
}

RC_GTEST_PROP(SummaryProperty, CountsAddUp, (std::uint64_t seed)) {
  Random random(seed);
  const auto records = random_records(random, static_cast<std::uint32_t>(random.below(60)));
  const Summary s = summarize(records, example_slo(), example_workers(), 4);
  RC_ASSERT(s.succeeded + s.errors == s.requests);
  RC_ASSERT(s.good_request_count <= s.good_requests);
  RC_ASSERT(s.good_requests <= std::min(s.ttft_within, s.itl_within));
  RC_ASSERT(s.workers[0].requests + s.workers[1].requests == s.succeeded);
  RC_ASSERT(s.workers[0].uncomputed_tokens + s.workers[1].uncomputed_tokens == s.input_tokens - s.cached_tokens);
  RC_ASSERT(s.ttft_ms.count == s.succeeded);
}

}  // namespace
}  // namespace infbench::measure
