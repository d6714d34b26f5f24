// What a run over HTTP adds: validity, windows of time, lines with causes, files that grow.
#include "measure/live.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "measure/artifacts.h"
#include "measure/example_for_test.h"
#include "measure/export_aiperf.h"
#include "measure/golden_for_test.h"
#include "measure/timeslices.h"

namespace infbench::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Stats lag_of(double p99) { return stats_of(std::vector<double>{p99, p99}); }

TEST(Validity, EachReasonIsTold) {
  Summary s;
  s.requests = 100;
  s.succeeded = 100;
  EXPECT_THAT(invalid_because(s, {.lag_ms = lag_of(19.9)}, {}), IsEmpty());
  EXPECT_THAT(invalid_because(s, {.lag_ms = lag_of(20.1)}, {}), ElementsAre(HasSubstr("lag p99 20.1 ms is above 20 ms")));
  EXPECT_THAT(invalid_because(s, {.truncated = 1}, {}), IsEmpty());
  EXPECT_THAT(invalid_because(s, {.truncated = 2}, {}), ElementsAre(HasSubstr("2 of 100 answers were shorter")));
  s.errors = 2;
  s.succeeded = 98;
  EXPECT_THAT(invalid_because(s, {}, {}), ElementsAre(HasSubstr("2 of 100 requests failed (2.0 %), above 1 %")));
  EXPECT_THAT(invalid_because(s, {}, {.error_fraction = 0.02}), IsEmpty());
  EXPECT_THAT(invalid_because({}, {}, {}), ElementsAre("no request was sent"));
  s.errors = 0;
  EXPECT_THAT(invalid_because(s, {.not_sent = 7, .interrupted = true}, {}), ElementsAre(HasSubstr("7 requests were not sent")));
}

TEST(LiveLines, SayWhyAndWhen) {
  RunInfo info = example_info();
  info.epoch_ns = 1000;
  const Summary frame = summarize({}, example_slo(), {}, 0);
  const RecordLines lines(info, frame);
  LiveRecord live;
  live.record = example_success(3, 10, 100, 190, 3, 0);
  live.record.worker.reset();
  live.record.scheduled = at_ms(4);
  live.chunks = 3;
  const auto http = std::make_shared<HttpExchange>();
  http->usage = {.prompt = 77, .completion = 3, .total = 80, .cached = 64};
  http->gaps_ns = {30'000'000, 60'000'000};
  http->send_start = at_ms(10);
  http->send_end = at_ms(12);
  http->receive_start = at_ms(99);
  http->receive_end = at_ms(191);
  http->sent = 2048;
  http->reads = 4;
  live.record.http = http;
  std::string line;
  lines.append(live, line);
  simdjson::dom::parser parser;
  simdjson::dom::element json = parser.parse(line);
  EXPECT_EQ(std::int64_t(json["metadata"]["credit_issued_ns"]), 4'001'000);
  EXPECT_EQ(std::int64_t(json["metadata"]["request_start_ns"]), 10'001'000);
  EXPECT_EQ(std::string_view(json["metadata"]["benchmark_phase"]), "profiling");
  EXPECT_EQ(std::int64_t(json["metrics"]["usage_prompt_tokens"]["value"]), 77);
  EXPECT_EQ(std::int64_t(json["metrics"]["usage_total_tokens"]["value"]), 80);
  EXPECT_EQ(std::int64_t(json["metrics"]["http_req_chunks_received"]["value"]), 4);
  EXPECT_DOUBLE_EQ(double(json["metrics"]["http_req_waiting"]["value"]), 87);
  EXPECT_DOUBLE_EQ(double(json["metrics"]["http_req_data_sent"]["value"]), 2);
  EXPECT_EQ(std::string_view(json["metrics"]["http_req_data_sent"]["unit"]), "KB");
  EXPECT_EQ(std::int64_t(json["metadata"]["request_ack_ns"]), 99'001'000);
  EXPECT_DOUBLE_EQ(double(json["metrics"]["inter_chunk_latency"]["value"].at(1)), 60);
  EXPECT_DOUBLE_EQ(double(json["infbench"]["lag_ms"]), 6);
  EXPECT_DOUBLE_EQ(double(json["infbench"]["scheduled_time_to_first_token_ms"]), 96);
  live.record.error = "the connection ended";
  live.record.error_code = 0;
  live.error_class = "ConnectionCutError";
  live.error_cause = "reset \"by\" peer";
  live.warmup = true;
  line.clear();
  lines.append(live, line);
  json = parser.parse(line);
  EXPECT_EQ(std::string_view(json["error"]["type"]), "ConnectionCutError");
  EXPECT_EQ(std::string_view(json["error"]["cause"]), "reset \"by\" peer");
  EXPECT_EQ(std::string_view(json["metadata"]["benchmark_phase"]), "warmup");
  EXPECT_EQ(json["metrics"].get_object().size(), 1U);
}

TEST(RawLines, HoldRequestAndResponsesAndNoSecret) {
  RunInfo info = example_info();
  info.epoch_ns = 0;
  const Summary frame = summarize({}, example_slo(), {}, 0);
  const RecordLines lines(info, frame);
  LiveRecord live;
  live.record = example_success(3, 10, 100, 190, 3, 0);
  live.raw = std::make_shared<RawExchange>();
  live.raw->request =
      "POST /v1/x HTTP/1.1\r\nHost: h:1\r\nAuthorization: Bearer s3cret\r\nX-Request-ID: 7\r\n\r\n{\"model\":\"m\"}";
  live.raw->status = 200;
  live.raw->is_stream = true;
  live.raw->responses = {{at_ms(100), "{\"a\":1}"}, {at_ms(130), "[DONE]"}};
  std::string line;
  lines.append_raw(live, line);
  EXPECT_THAT(line, testing::EndsWith("}\n"));
  EXPECT_THAT(line, testing::Not(HasSubstr("s3cret")));
  simdjson::dom::parser parser;
  simdjson::dom::element json = parser.parse(line);
  EXPECT_EQ(std::int64_t(json["metadata"]["session_num"]), 3);
  EXPECT_EQ(std::int64_t(json["start_perf_ns"]), 10'000'000);
  EXPECT_EQ(std::string_view(json["request_headers"]["Host"]), "h:1");
  EXPECT_EQ(std::string_view(json["request_headers"]["Authorization"]), "<redacted>");
  EXPECT_EQ(std::int64_t(json["status"]), 200);
  EXPECT_EQ(std::int64_t(json["responses"].at(0)["perf_ns"]), 100'000'000);
  EXPECT_EQ(std::string_view(json["responses"].at(0)["packets"].at(0)["name"]), "data");
  EXPECT_EQ(std::string_view(json["responses"].at(1)["packets"].at(0)["value"]), "[DONE]");
  EXPECT_EQ(std::string_view(json["payload"]["model"]), "m");
  EXPECT_NE(json["error"].error(), simdjson::SUCCESS);
  live.record.error = "HTTP status 404";
  live.record.error_code = 404;
  live.raw->is_stream = false;
  live.raw->content_type = "text/plain";
  line.clear();
  lines.append_raw(live, line);
  json = parser.parse(line);
  EXPECT_EQ(std::string_view(json["responses"].at(0)["text"]), "{\"a\":1}");
  EXPECT_EQ(std::string_view(json["responses"].at(0)["content_type"]), "text/plain");
  EXPECT_EQ(std::int64_t(json["error"]["code"]), 404);
  live.raw.reset();  // never sent
  line.clear();
  lines.append_raw(live, line);
  json = parser.parse(line);
  EXPECT_EQ(json["responses"].get_array().size(), 0U);
  EXPECT_NE(json["payload"].error(), simdjson::SUCCESS);
}

TEST(Timeslices, EveryRequestIsInTheWindowInWhichItWasDue) {
  const auto records = example_records();
  const Summary whole = example_run().summary;
  const auto slices = timeslices(records, whole, seconds(2));
  ASSERT_EQ(slices.size(), 3U);
  EXPECT_EQ(slices[0].summary.requests, 2);
  EXPECT_EQ(slices[1].summary.requests, 2);
  EXPECT_EQ(slices[2].summary.requests, 1);
  EXPECT_EQ(slices[2].start, at_ms(4000));
  simdjson::dom::parser parser;
  const std::string text = timeslices_json(example_info(), whole, slices);
  const simdjson::dom::element json = parser.parse(text);
  EXPECT_EQ(json["timeslices"].get_array().size(), 3U);
  EXPECT_EQ(std::string_view(json["input_config"]["models"]["items"].at(0)["name"]), "Qwen/Qwen3-32B");
  EXPECT_DOUBLE_EQ(double(json["timeslices"].at(0)["time_to_first_token"]["max"]), 2500);
  EXPECT_THAT(timeslices_csv(example_info(), slices), HasSubstr(",Time to First Token,ms,max,2500.00\r\n"));
}

TEST(LiveRecordFile, IsThereWhileItGrows) {
  const std::string folder = ::testing::TempDir() + "live_record_file";
  auto file = LiveRecordFile::create(folder, "a.jsonl");
  ASSERT_TRUE(file.has_value());
  file->append("one\n");
  EXPECT_EQ(read_text(folder + "/a.jsonl"), "one\n");
  file->append("two\n");
  EXPECT_TRUE(file->finish().has_value());
  EXPECT_EQ(read_text(folder + "/a.jsonl"), "one\ntwo\n");
  EXPECT_FALSE(LiveRecordFile::create("/proc/no", "a").has_value());
}

}  // namespace
}  // namespace infbench::measure
