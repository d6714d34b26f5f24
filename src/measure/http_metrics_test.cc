// Figures that only HTTP has, worked out by hand.
#include "measure/http_metrics.h"

#include <gtest/gtest.h>

#include "measure/example_for_test.h"
#include "measure/export_aiperf.h"
#include "measure/metric_table.h"

namespace infbench::measure {
namespace {

RequestRecord over_http(std::uint32_t request, Tokens input, Tokens output, Tokens asked, const ServerUsage& usage) {
  RequestRecord r = example_success(request, 10, 100, 190, output, 0);
  r.worker.reset();
  r.input = input;
  r.output_asked = asked;
  const auto http = std::make_shared<HttpExchange>();
  http->connecting = milliseconds(3);
  http->send_start = at_ms(11);
  http->send_end = at_ms(14);
  http->receive_start = at_ms(90);
  http->receive_end = at_ms(195);
  http->sent = 1024;
  http->received = 512;
  http->reads = 7;
  http->first_output = at_ms(110);
  http->usage = usage;
  r.http = http;
  return r;
}

TEST(HttpMetrics, ByTheirFormulas) {
  const std::vector<RequestRecord> records = {
      over_http(0, 100, 10, 10, {.prompt = 108, .completion = 10, .total = 118, .cached = 64}),
      over_http(1, 100, 10, 20, {.prompt = 120, .completion = 12, .total = 132, .cached = 0}), over_http(2, 100, 10, 0, {}),
      example_error(3, 5, 10)};
  const Summary s = summarize(records, example_slo(), {}, 0);
  const auto expect = [](const Stats& stats, std::int64_t count, double sum) {
    EXPECT_EQ(stats.count, count);
    EXPECT_DOUBLE_EQ(stats.sum, sum);
  };
  expect(s.http_req_connecting, 3, 9);
  expect(s.http_req_connection_overhead, 3, 9);
  expect(s.http_req_connection_reused, 3, 0);
  expect(s.http_req_blocked, 3, 0);
  expect(s.http_req_sending, 3, 9);
  expect(s.http_req_waiting, 3, 228);
  expect(s.http_req_receiving, 3, 315);
  expect(s.http_req_duration, 3, 552);
  expect(s.http_req_total, 3, 9 + 9 + 228 + 315);  // its parts, which leave nothing out here
  expect(s.http_req_data_sent, 3, 3);
  expect(s.http_req_data_received, 3, 1.5);
  expect(s.http_req_chunks_sent, 3, 3);
  expect(s.http_req_chunks_received, 3, 21);
  expect(s.time_to_first_output_token, 3, 300);
  expect(s.usage_prompt_tokens, 2, 228);
  expect(s.usage_completion_tokens, 2, 22);
  expect(s.usage_total_tokens, 2, 250);
  expect(s.usage_prompt_cache_read_tokens, 2, 64);
  expect(s.usage_prompt_tokens_diff_pct, 2, 8 + 20);
  expect(s.usage_completion_tokens_diff_pct, 2, 0 + 20);
  expect(s.osl_mismatch_diff_pct, 2, 0 - 50);
  EXPECT_EQ(s.osl_mismatch_count, 1);
  EXPECT_EQ(s.usage_discrepancy_count, 1);
  EXPECT_EQ(s.input_sequence_length.sum, 300);  // the client's
}

TEST(HttpMetrics, LimitsOfAMismatch) {
  struct Case {
    Tokens asked, output;
    bool mismatch;
  };
  for (const Case& one : {Case{100, 95, false}, {100, 94, true}, {100, 106, true}, {2000, 1950, false}, {2000, 1949, true}}) {
    EXPECT_EQ(is_osl_mismatch(over_http(0, 1, one.output, one.asked, {})), one.mismatch) << one.asked << ' ' << one.output;
  }
}

// A byte that was received, by the kernel's clock, before ours saw the last one go, waits for no negative time.
TEST(HttpMetrics, NoNegativeTimes) {
  RequestRecord r = over_http(0, 1, 2, 2, {});
  const auto http = std::make_shared<HttpExchange>(*r.http);
  http->receive_start = at_ms(13);
  r.http = http;
  EXPECT_EQ(summarize(std::vector{r}, example_slo(), {}, 0).http_req_waiting.min, 0);
}

TEST(HttpMetrics, HaveANameInTheTable) {
  for (const RecordMetric& metric : http_record_metrics()) EXPECT_FALSE(metric_of(metric.stats).tag.empty());
}

TEST(HttpMetrics, NoneInVirtualTime) {
  const RunResult run = example_run();
  EXPECT_TRUE(run.summary.http_req_duration.empty());
  EXPECT_EQ(run.summary.usage_prompt_tokens.sum, run.summary.input_sequence_length.sum);
  EXPECT_EQ(aiperf_json(run.info, run.summary).find("http_req_"), std::string::npos);
}

}  // namespace
}  // namespace infbench::measure
