// The files in aiperf's forms: golden files of the run in example_for_test.h, aiperf's own names and units, and JSON that reads
// back.
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "measure/example_for_test.h"
#include "measure/export_aiperf.h"
#include "measure/golden_for_test.h"
#include "measure/metric_table.h"
#include "measure/run_json.h"

namespace infbench::measure {
namespace {

constexpr const char* kSamples = "../shared/reference/aiperf-samples/";  // files of aiperf 0.13, beside some checkouts

struct Name {
  std::string_view tag, unit, csv;
};

// aiperf 0.13's names, from its own files.
constexpr Name kAiperfNames[] = {
    {"request_throughput", "requests/sec", "Request Throughput (requests/sec)"},
    {"request_latency", "ms", "Request Latency (ms)"},
    {"request_count", "requests", "Request Count"},
    {"time_to_first_token", "ms", "Time to First Token (ms)"},
    {"time_to_second_token", "ms", "Time to Second Token (ms)"},
    {"inter_token_latency", "ms", "Inter Token Latency (ms)"},
    {"output_token_throughput", "tokens/sec", "Output Token Throughput (tokens/sec)"},
    {"output_token_throughput_per_user", "tokens/sec/user", "Output Token Throughput Per User (tokens/sec/user)"},
    {"output_sequence_length", "tokens", "Output Sequence Length (tokens)"},
    {"input_sequence_length", "tokens", "Input Sequence Length (tokens)"},
    {"goodput", "requests/sec", "Goodput (requests/sec)"},
    {"good_request_count", "requests", "Good Request Count"},
    {"output_token_count", "tokens", "Output Token Count (tokens)"},
    {"total_output_tokens", "tokens", "Total Output Tokens (tokens)"},
    {"benchmark_duration", "sec", "Benchmark Duration (sec)"},
    {"total_isl", "tokens", "Total Input Sequence Length (tokens)"},
    {"total_osl", "tokens", "Total Output Sequence Length (tokens)"},
    {"error_request_count", "requests", "Error Request Count"},
    {"error_isl", "tokens", "Error Input Sequence Length (tokens)"},
    {"total_error_isl", "tokens", "Total Error Input Sequence Length (tokens)"},
    {"usage_completion_tokens", "tokens", "Usage Completion Tokens (tokens)"},
    {"usage_prompt_tokens", "tokens", "Usage Prompt Tokens (tokens)"},
    {"usage_prompt_cache_read_tokens", "tokens", "Usage Prompt Cache Read Tokens (tokens)"},
    {"e2e_output_token_throughput", "tokens/sec/user", "E2E Output Token Throughput (tokens/sec/user)"},
    {"decode_duration", "ms", "Decode Duration (ms)"},
    {"prefill_throughput_per_user", "tokens/sec/user", "Prefill Throughput Per User (tokens/sec/user)"},
    {"completed_request_count", "requests", "Completed Requests (Success + Error)"},
    {"request_error_rate", "%", "Request Error Rate (%)"},
    {"good_request_fraction", "ratio", "GoodRequestFraction (ratio)"},
    {"total_usage_completion_tokens", "tokens", "Total Usage Completion Tokens (tokens)"},
    {"total_usage_prompt_tokens", "tokens", "Total Usage Prompt Tokens (tokens)"},
    {"total_usage_prompt_cache_read_tokens", "tokens", "Total Usage Prompt Cache Read Tokens (tokens)"},
    {"overall_usage_prompt_cache_read_pct", "%", "Overall Usage Prompt Cache Read % (%)"},
    {"input_token_throughput", "tokens/sec", "Input Token Throughput (tokens/sec)"},
    {"total_token_throughput", "tokens/sec", "Total Token Throughput (tokens/sec)"},
    {"adj_request_latency", "ms", "Request Latency (error-adjusted) (ms)"},
    {"adj_time_to_first_token", "ms", "Time to First Token (error-adjusted) (ms)"},
    {"adj_decode_duration", "ms", "Decode Duration (error-adjusted) (ms)"},
    {"adj_inter_token_latency", "ms", "Inter Token Latency (error-adjusted) (ms)"},
    {"credit_to_start_latency", "ms", "Credit-to-Start Latency (ms)"},
    {"effective_latency", "ms", "Effective Latency (CO-aware) (ms)"},
};

// Those that only a run over HTTP has.
constexpr Name kHttpNames[] = {
    {"inter_chunk_latency", "ms", "Inter Chunk Latency (ms)"},
    {"http_req_connection_reused", "ratio", "HTTP Connection Reused (ratio)"},
    {"http_req_blocked", "ms", "HTTP Blocked (ms)"},
    {"http_req_chunks_sent", "count", "HTTP Chunks Sent"},
    {"time_to_first_output_token", "ms", "Time to First Output Token (ms)"},
    {"http_req_receiving", "ms", "HTTP Receiving (ms)"},
    {"http_req_chunks_received", "count", "HTTP Chunks Received"},
    {"http_req_connecting", "ms", "HTTP Connecting (ms)"},
    {"http_req_waiting", "ms", "HTTP Waiting (TTFB) (ms)"},
    {"http_req_sending", "ms", "HTTP Sending (ms)"},
    {"usage_total_tokens", "tokens", "Usage Total Tokens (tokens)"},
    {"http_req_data_sent", "KB", "HTTP Data Sent (KB)"},
    {"http_req_data_received", "KB", "HTTP Data Received (KB)"},
    {"http_req_duration", "ms", "HTTP Duration (excl. conn) (ms)"},
    {"osl_mismatch_diff_pct", "%", "OSL Mismatch Diff % (%)"},
    {"http_req_connection_overhead", "ms", "HTTP Connection Overhead (ms)"},
    {"http_req_total", "ms", "HTTP Total Time (ms)"},
    {"usage_completion_tokens_diff_pct", "%", "Usage Completion Diff % (%)"},
    {"usage_prompt_tokens_diff_pct", "%", "Usage Prompt Diff % (%)"},
    {"osl_mismatch_count", "requests", "OSL Mismatch Count"},
    {"usage_discrepancy_count", "requests", "Usage Discrepancy Count"},
    {"total_usage_total_tokens", "tokens", "Total Usage Total Tokens (tokens)"},
    {"effective_concurrency", "requests", "Effective Concurrency"},
    {"effective_decode_throughput", "tokens/sec", "Effective Decode Throughput (tokens/sec)"},
    {"effective_prefill_throughput", "tokens/sec", "Effective Prefill Throughput (tokens/sec)"},
    {"effective_decode_concurrency", "requests", "Effective Decode Concurrency"},
    {"effective_prefill_concurrency", "requests", "Effective Prefill Concurrency"},
    {"effective_total_throughput", "tokens/sec", "Effective Total Throughput (tokens/sec)"},
    {"effective_decode_throughput_per_user", "tokens/sec/user", "Effective Decode Throughput Per User (tokens/sec/user)"},
    {"effective_prefill_throughput_per_user", "tokens/sec/user", "Effective Prefill Throughput Per User (tokens/sec/user)"},
    {"tokens_in_flight", "tokens", "Tokens In Flight (tokens)"},
    {"active_decode_throughput", "tokens/sec", "Active Decode Throughput (tokens/sec)"},
    {"active_prefill_throughput", "tokens/sec", "Active Prefill Throughput (tokens/sec)"},
    {"active_decode_throughput_per_user", "tokens/sec/user", "Active Decode Throughput Per User (tokens/sec/user)"},
    {"active_prefill_throughput_per_user", "tokens/sec/user", "Active Prefill Throughput Per User (tokens/sec/user)"},
    {"active_total_throughput", "tokens/sec", "Active Total Throughput (tokens/sec)"},
    {"replay_sched_lag_p50", "ms", "Replay Schedule Lag p50 (ms)"},
    {"replay_sched_lag_p90", "ms", "Replay Schedule Lag p90 (ms)"},
    {"replay_sched_lag_p99", "ms", "Replay Schedule Lag p99 (ms)"},
    {"replay_sched_degraded", "count", "Replay Schedule Degraded"},
};

// The example as if it had gone over HTTP.
RunResult example_run_over_http() {
  RunResult run = example_run();
  std::vector<RequestRecord> records = example_records();
  LiveFigures live;
  live.inter_chunk_latency = live.lag_ms = stats_of(std::vector<double>{1, 2});
  for (RequestRecord& r : records) {
    const auto http = std::make_shared<HttpExchange>();
    http->send_start = http->send_end = r.sent;
    http->receive_start = r.end;
    http->receive_end = *r.end;
    http->first_output = r.first_token;
    http->usage = {.prompt = r.input, .completion = r.output, .total = r.input + r.output, .cached = r.cached};
    r.http = http;
  }
  run.summary = summarize(records, example_slo(), example_workers(), 4);
  add_run_figures(records, live, run.summary);
  return run;
}

struct Parsed {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
};

std::unique_ptr<Parsed> parse(const std::string& json) {
  auto parsed = std::make_unique<Parsed>();
  const auto error = parsed->parser.parse(json).get(parsed->root);
  EXPECT_EQ(error, simdjson::SUCCESS) << json;
  return parsed;
}

// Keys of the top level that are metrics, with their unit, in order of appearance.
std::vector<std::pair<std::string, std::string>> units_of(const std::string& json) {
  const auto parsed = parse(json);
  std::vector<std::pair<std::string, std::string>> units;
  for (const auto& [key, value] : simdjson::dom::object(parsed->root)) {
    std::string_view unit;
    if (value.is_object() && value["unit"].get(unit) == simdjson::SUCCESS) units.emplace_back(key, unit);
  }
  return units;
}

// With plain newlines, so that the golden file is text to every tool.
std::string unix_lines(std::string text) {
  for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos; ++at) text.erase(at, 1);
  return text;
}

std::vector<std::string> csv_names(const std::string& csv) {
  std::vector<std::string> names;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) names.push_back(line.substr(0, line.find(',')));
  return names;
}

TEST(AiperfExport, MatchesTheGoldenFiles) {
  const RunResult run = example_run();
  expect_golden("src/measure/golden/profile_export_aiperf.json", aiperf_json(run.info, run.summary));
  expect_golden("src/measure/golden/profile_export_aiperf.csv", unix_lines(aiperf_csv(run.summary)));
  expect_golden("src/measure/golden/summary.json", summary_json(run.info, run.summary));
  std::string lines;
  for (const auto& record : example_records()) RecordLines(run.info, run.summary).append(record, lines);
  expect_golden("src/measure/golden/profile_export.jsonl", lines);
}

TEST(AiperfExport, EndsLinesOfCsvAsAiperfDoes) {
  const std::string csv = aiperf_csv(example_run().summary);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), std::count(csv.begin(), csv.end(), '\r'));
  EXPECT_THAT(csv, testing::EndsWith("\r\n"));
}

TEST(AiperfExport, UsesAiperfsNamesAndUnits) {
  std::map<std::string, std::string, std::less<>> expected;
  std::set<std::string, std::less<>> csv_expected{"Metric", "\r"};
  const auto check = [&](const RunResult& run, std::span<const Name> further) {
    for (const Name& name : further) {
      expected.emplace(name.tag, name.unit);
      csv_expected.emplace(name.csv);
    }
    const auto units = units_of(aiperf_json(run.info, run.summary));
    EXPECT_EQ(units.size(), expected.size());
    for (const auto& [tag, unit] : units) EXPECT_EQ(expected[tag], unit) << tag;
    const auto names = csv_names(aiperf_csv(run.summary));
    EXPECT_EQ(names.size(), expected.size() + 3);  // two headings and the line between
    for (const std::string& name : names) EXPECT_TRUE(csv_expected.contains(name)) << name;
  };
  check(example_run(), kAiperfNames);
  check(example_run_over_http(), kHttpNames);
}

// Where aiperf's own files are at hand: the same keys in the same order, the same units, the same rows of the CSV in the same
// order.
TEST(AiperfExport, AgreesWithAiperfsOwnFiles) {
  const std::string sample = read_text(std::string(kSamples) + "profile_export_aiperf.json");
  const std::string sample_csv = read_text(std::string(kSamples) + "profile_export_aiperf.csv");
  for (const RunResult& run : {example_run(), example_run_over_http()}) {
    const auto ours = units_of(aiperf_json(run.info, run.summary));
    ASSERT_EQ(ours.front(), (std::pair<std::string, std::string>("request_throughput", "requests/sec")));
    if (sample.empty()) continue;
    const auto theirs = units_of(sample);
    auto at = theirs.begin();
    for (const auto& metric : ours) {
      at = std::find(at, theirs.end(), metric);
      ASSERT_NE(at, theirs.end()) << metric.first << " is not where aiperf has it";
    }
    const auto rows = csv_names(sample_csv);
    auto row = rows.begin();
    for (const std::string& name : csv_names(aiperf_csv(run.summary))) {
      row = std::find(row, rows.end(), name);
      ASSERT_NE(row, rows.end()) << name << " is not where aiperf has it";
    }
    EXPECT_EQ(sample_csv.substr(0, sample_csv.find('\n')), aiperf_csv(run.summary).substr(0, sample_csv.find('\n')));
  }
}

void expect_figures(const RunResult& run) {
  const auto parsed = parse(aiperf_json(run.info, run.summary));
  for (const auto metrics : {head_metrics(), further_metrics()}) {
    for (const Metric& metric : metrics) {
      const auto object = parsed->root[metric.tag];
      const bool has = metric.scalar != nullptr ? metric.scalar(run.summary).has_value() : !(run.summary.*metric.stats).empty();
      ASSERT_EQ(object.error() == simdjson::SUCCESS, has) << metric.tag;
      if (!has) continue;
      if (metric.scalar != nullptr) {
        EXPECT_EQ(double(object["avg"]), *metric.scalar(run.summary)) << metric.tag;
        continue;
      }
      const Stats& stats = run.summary.*metric.stats;
      std::int64_t count = 0;
      EXPECT_EQ(object["count"].get(count) == simdjson::SUCCESS, metric.has_count) << metric.tag;
      EXPECT_TRUE(!metric.has_count || count == stats.count) << metric.tag;
      for (const Figure& figure : figures()) {
        const double expected = stats.*figure.value;
        double value = Stats::kNone;
        const bool there = object[figure.name].get(value) == simdjson::SUCCESS;
        EXPECT_EQ(there, expected - expected == 0) << metric.tag << ' ' << figure.name;
        EXPECT_TRUE(!there || value == expected) << metric.tag << ' ' << figure.name;
      }
    }
  }
  EXPECT_FALSE(parsed->root["aiperf_version"].error() == simdjson::SUCCESS);
}

TEST(AiperfExport, FiguresReadBackAsTheSummaryHasThem) {
  expect_figures(example_run());
  expect_figures(example_run_over_http());
}

TEST(AiperfExport, LinesHaveAiperfsKeys) {
  const RunResult run = example_run();
  std::set<std::string> metadata_keys, metric_units;
  std::ifstream sample(std::string(kSamples) + "profile_export.head6.jsonl");
  for (std::string line; std::getline(sample, line);) {
    const auto parsed = parse(line);
    for (const auto& [key, value] : simdjson::dom::object(parsed->root["metadata"])) metadata_keys.emplace(key);
    for (const auto& [key, value] : simdjson::dom::object(parsed->root["metrics"])) {
      metric_units.emplace(std::string(key) + ' ' + std::string(std::string_view(value["unit"])));
    }
  }
  const RecordLines lines(run.info, run.summary);
  for (const auto& record : example_records()) {
    std::string line;
    lines.append(record, line);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto parsed = parse(line);
    EXPECT_EQ(std::int64_t(parsed->root["metadata"]["request_start_ns"]), kVirtualEpochNs + record.sent.ns);
    EXPECT_EQ(parsed->root["error"].is_null(), succeeded(record));
    for (const auto& [key, value] : simdjson::dom::object(parsed->root["metadata"])) {
      EXPECT_TRUE(metadata_keys.empty() || metadata_keys.contains(std::string(key))) << key;
    }
    for (const auto& [key, value] : simdjson::dom::object(parsed->root["metrics"])) {
      const std::string name = std::string(key) + ' ' + std::string(std::string_view(value["unit"]));
      EXPECT_TRUE(metric_units.empty() || metric_units.contains(name)) << name;
    }
  }
}

TEST(AiperfExport, ToldApartAreRefusedAndCancelledRequests) {
  const RunResult run = example_run();
  auto record = measure::example_error(9, 5, 100);
  record.error_code = 499;
  record.error = "cancelled \"here\"";
  std::string line;
  RecordLines(run.info, run.summary).append(record, line);
  const auto parsed = parse(line);
  EXPECT_TRUE(bool(parsed->root["metadata"]["was_cancelled"]));
  EXPECT_EQ(std::string_view(parsed->root["error"]["type"]), "RequestCancellationError");
  EXPECT_EQ(std::string_view(parsed->root["error"]["message"]), "cancelled \"here\"");
}

TEST(AiperfExport, IdsDependOnTheInputsOnly) {
  const RunInfo info = example_info();
  const std::string id = benchmark_id(info, example_slo());
  EXPECT_EQ(id.size(), 12U);
  EXPECT_EQ(id, benchmark_id(example_info(), example_slo()));
  RunInfo moved = info;
  moved.recipe_path = "/elsewhere/recipe.yaml";
  EXPECT_EQ(id, benchmark_id(moved, example_slo()));
  std::set<std::string> ids{id, benchmark_id(info, {.ttft = milliseconds(1), .itl = milliseconds(1)})};
  const auto changed = [&](auto change) {
    RunInfo other = info;
    change(other);
    ids.insert(benchmark_id(other, example_slo()));
  };
  changed([](RunInfo& i) { i.recipe = "x"; });
  changed([](RunInfo& i) { i.seed = 1; });
  changed([](RunInfo& i) { i.speed = 2; });
  changed([](RunInfo& i) { i.trace_sha256 = "0"; });
  changed([](RunInfo& i) { i.policy = "random"; });
  changed([](RunInfo& i) { i.inputs_hash = 7; });
  changed([](RunInfo& i) { i.overrides = {"a=b"}; });
  EXPECT_EQ(ids.size(), 9U);
}

TEST(AiperfExport, OfNoRequests) {
  const Summary summary = summarize({}, example_slo(), {}, 4);
  const auto units = units_of(aiperf_json(example_info(), summary));
  for (const auto& [tag, unit] : units) EXPECT_EQ(tag.find("latency"), std::string::npos) << tag;
  EXPECT_THAT(aiperf_csv(summary), testing::HasSubstr("\r\n\r\nMetric,Value\r\nCompleted Requests (Success + Error),0.00\r\n"));
}

TEST(RunJson, FiguresReadBackAsTheSummaryHasThem) {
  const RunResult run = example_run();
  std::string text;
  JsonWriter json(text);
  write_run(json, run.info, run.summary, &run.cost);
  const auto parsed = parse(text);
  const auto& root = parsed->root;
  EXPECT_EQ(std::string_view(root["recipe"]), "agg-round-robin");
  EXPECT_EQ(std::string_view(root["policy"]), "round_robin");
  EXPECT_EQ(std::int64_t(root["requests"]), 5);
  EXPECT_EQ(std::int64_t(root["errors"]), 1);
  EXPECT_EQ(double(root["goodput_fraction"]), 0.4);
  EXPECT_EQ(std::int64_t(root["good_request_count"]), 1);
  EXPECT_EQ(double(root["ttft_ms"]["p90"]), run.summary.ttft_ms.p90);
  EXPECT_EQ(double(root["itl_ms"]["max"]), 30);
  EXPECT_EQ(double(root["prefix_hit_rate"]), 0.3584);
  EXPECT_EQ(double(root["peak_kv_fraction"]), 0.75);
  EXPECT_EQ(std::int64_t(root["workers"].at(1)["uncomputed_tokens"]), 3952);
  EXPECT_EQ(double(root["wall_s"]), 0.5);
  EXPECT_EQ(double(root["cpu_s"]), 0.25);
  EXPECT_EQ(std::string_view(root["trace"]["name"]), "conversation_trace.jsonl");
  // The file is the same object but for the cost.
  EXPECT_THAT(summary_json(run.info, run.summary), testing::Not(testing::HasSubstr("_s\": 0.")));
  EXPECT_THAT(host_json(run.cost), testing::HasSubstr("\"wall_s\": 0.5"));
}

TEST(RunJson, FiguresWithoutSamplesAreNull) {
  std::string text;
  JsonWriter json(text);
  write_run(json, example_info(), summarize({}, example_slo(), {}, 4), nullptr);
  const auto parsed = parse(text);
  for (const auto* key : {"goodput_fraction", "goodput_rps", "ttft_ms", "itl_ms", "e2e_latency_ms", "prefix_hit_rate",
                          "output_tokens_per_s", "output_tokens_per_s_per_gpu", "peak_kv_fraction"}) {
    EXPECT_TRUE(parsed->root[key].is_null()) << key;
  }
  EXPECT_NE(parsed->root["wall_s"].error(), simdjson::SUCCESS);
}

}  // namespace
}  // namespace infbench::measure
