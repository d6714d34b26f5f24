#include "measure/server_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <fmt/format.h>

#include "measure/example_for_test.h"
#include "measure/metric_unit.h"

namespace infbench::measure {
namespace {

std::string page(int tokens, int running, int fast) {
  return "# HELP s:gen_total Tokens made\n# TYPE s:gen_total counter\ns:gen_total{model=\"a\\\"b\",tp=\"0\"} " +
         std::to_string(tokens) + "\n# HELP s:run Running\n# TYPE s:run gauge\r\ns:run " + std::to_string(running) +
         "\nnot a line\n# TYPE s:ttft histogram\ns:ttft_bucket{le=\"0.1\"} " + std::to_string(fast) +
         "\ns:ttft_bucket{le=\"1.0\"} 10\ns:ttft_bucket{le=\"+Inf\"} 10\ns:ttft_sum 4.5\ns:ttft_count 10\nbare 1.5e3\n";
}

TEST(Prometheus, ReadsWhatServersWrite) {
  const auto families = parse_prometheus(page(17, 3, 4));
  ASSERT_EQ(families.size(), 4U);
  EXPECT_EQ(families[0].name, "s:gen");
  EXPECT_EQ(families[0].type, "counter");
  EXPECT_EQ(families[0].help, "Tokens made");
  EXPECT_EQ(families[0].series[0].labels, R"({"model":"a\"b","tp":"0"})");
  EXPECT_EQ(families[0].series[0].value, 17);
  EXPECT_EQ(families[1].name, "s:run");
  EXPECT_EQ(families[1].series[0].value, 3);
  EXPECT_EQ(families[2].series[0].buckets.size(), 3U);
  EXPECT_EQ(families[2].series[0].count, 10);
  EXPECT_EQ(families[3].name, "bare");
  EXPECT_EQ(families[3].series[0].value, 1500);
  EXPECT_TRUE(parse_prometheus("<html>x</html>\n{\"a\": 1}").empty());
}

TEST(ServerMetrics, GrowthOfCountersDistributionOfGauges) {
  ServerMetrics metrics(kVirtualEpochNs);
  const std::string url = "http://x/metrics";
  std::string lines;
  for (int i = 0; i < 5; ++i) {
    const ServerMetrics::Scrape scrape{.sent = at_ms(1000 * i), .first_byte = at_ms(1000 * i + 2)};
    auto families = parse_prometheus(page(100 * i, i, 0));
    if (i > 0) {  // two answers below 0.1, two more below 1
      families[2].series[0].buckets = {{"0.1", 2}, {"1.0", 14}, {"+Inf", 14}};
      families[2].series[0].sum = 6.5;
      families[2].series[0].count = 14;
    }
    metrics.append_line(url, scrape, families, lines);
    metrics.add(url, scrape, std::move(families));
  }
  simdjson::dom::parser parser;
  const std::string text = metrics.json(example_info(), example_run().summary, {url, "http://y/metrics"});
  const simdjson::dom::element json = parser.parse(text);
  const auto stats = [&](const char* name) { return json["metrics"][name]["series"].at(0)["stats"]; };
  EXPECT_DOUBLE_EQ(double(stats("s:gen")["total"]), 400);
  EXPECT_DOUBLE_EQ(double(stats("s:gen")["rate"]), 100);
  EXPECT_DOUBLE_EQ(double(stats("s:run")["avg"]), 2);
  EXPECT_DOUBLE_EQ(double(stats("s:run")["p50"]), 2);
  EXPECT_NEAR(double(stats("s:run")["std"]), 1.5811388300841898, 1e-12);  // over n - 1
  EXPECT_EQ(std::int64_t(stats("s:ttft")["count"]), 4);
  EXPECT_DOUBLE_EQ(double(stats("s:ttft")["avg"]), 0.5);
  EXPECT_DOUBLE_EQ(double(stats("s:ttft")["count_rate"]), 1);
  EXPECT_DOUBLE_EQ(double(stats("s:ttft")["p50_estimate"]), 0.1);
  EXPECT_DOUBLE_EQ(double(stats("s:ttft")["p25_estimate"]), 0.05);
  EXPECT_EQ(std::int64_t(json["metrics"]["s:ttft"]["series"].at(0)["buckets"]["1.0"]), 4);
  EXPECT_EQ(std::string_view(json["metrics"]["bare"]["type"]), "unknown");
  EXPECT_EQ(std::string_view(json["summary"]["start_time"]), "2025-01-01T00:00:00.000000");
  EXPECT_EQ(std::string_view(json["summary"]["end_time"]), "2025-01-01T00:00:04.300000");
  EXPECT_EQ(std::string_view(json["input_config"]["models"]["items"].at(0)["name"]), "Qwen/Qwen3-32B");
  const auto seen = json["summary"]["endpoint_info"][url];
  EXPECT_EQ(std::int64_t(seen["unique_updates"]), 5);
  EXPECT_DOUBLE_EQ(double(seen["median_update_interval_ms"]), 1000);
  EXPECT_DOUBLE_EQ(double(seen["duration_seconds"]), 4);
  EXPECT_EQ(std::string_view(json["metrics"]["s:gen"]["series"].at(0)["labels"]["model"]), "a\"b");
  EXPECT_EQ(std::int64_t(json["summary"]["endpoint_info"][url]["total_fetches"]), 5);
  EXPECT_EQ(json["summary"]["endpoints_configured"].get_array().size(), 2U);
  simdjson::dom::parser of_line;
  const std::string first = lines.substr(0, lines.find('\n'));
  const simdjson::dom::element line = of_line.parse(first);
  EXPECT_EQ(std::int64_t(line["endpoint_latency_ns"]), 2'000'000);
  EXPECT_DOUBLE_EQ(double(line["metrics"]["s:ttft"].at(0)["buckets"]["1.0"]), 10);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 5);
}

TEST(ServerMetrics, CountsThatAreNoNumbersOfRequestsAreToldAsTheyAre) {
  const auto page = [](std::string_view upto, std::string_view count) {
    return fmt::format("# TYPE h histogram\nh_bucket{{le=\"1.0\"}} {}\nh_sum 1\nh_count {}\n", upto, count);
  };
  struct Case {
    std::string_view upto, count, shown_upto, shown_count;
  };
  for (const Case& c :
       std::vector<Case>{{"4", "5", "4", "5"}, {"-7e45", "1e19", "-7e+45", "1e+19"}, {"+Inf", "nan", "null", "null"}}) {
    ServerMetrics metrics(kVirtualEpochNs);
    metrics.add("http://x/metrics", {.sent = at_ms(0), .first_byte = at_ms(2)}, parse_prometheus(page("0", "0")));
    metrics.add("http://x/metrics", {.sent = at_ms(1000), .first_byte = at_ms(1002)}, parse_prometheus(page(c.upto, c.count)));
    simdjson::dom::parser parser;
    const std::string text = metrics.json(example_info(), example_run().summary, {"http://x/metrics"});
    const simdjson::dom::element series = parser.parse(text)["metrics"]["h"]["series"].at(0);
    EXPECT_EQ(simdjson::minify(series["buckets"]["1.0"].value()), c.shown_upto);
    EXPECT_EQ(simdjson::minify(series["stats"]["count"].value()), c.shown_count);
  }
}

// A server that names each request in a label, for days.
TEST(ServerMetrics, SeriesWithoutEndDoNotTakeAllMemory) {
  ServerMetrics metrics(kVirtualEpochNs);
  constexpr int kScrapes = 30;
  for (int i = 0; i < kScrapes; ++i) {
    std::string text = "# TYPE up gauge\nup " + std::to_string(i) + "\n# TYPE s gauge\n";
    for (int j = 0; j < 1000; ++j) text += "s{rid=\"" + std::to_string(i * 1000 + j) + "\"} 1\n";
    const ServerMetrics::Scrape scrape{.sent = at_ms(1000 * i), .first_byte = at_ms(1000 * i + 2)};
    metrics.add("http://x/metrics", scrape, parse_prometheus(text));
  }
  simdjson::dom::parser parser;
  const std::string text = metrics.json(example_info(), example_run().summary, {"http://x/metrics"});
  const simdjson::dom::element json = parser.parse(text);
  EXPECT_EQ(json["metrics"]["s"]["series"].get_array().size(), ServerMetrics::kMostSeries - 1);
  EXPECT_DOUBLE_EQ(double(json["metrics"]["up"]["series"].at(0)["stats"]["max"]), kScrapes - 1) << "one of before goes on";
}

TEST(MetricUnit, FromTheHelpTextElseFromTheName) {
  struct Case {
    const char* name;
    const char* help;
    const char* unit;
  };
  for (const Case& one : {Case{"request_duration_seconds", "", "seconds"},
                          {"s:num_requests", "Requests taken.", "requests"},
                          {"s:num_running_reqs", "", "requests"},
                          {"v:num_requests_running", "", "requests"},
                          {"s:prompt_tokens", "Prompt tokens, cached ones included.", "tokens"},
                          {"latency", "Latency in milliseconds.", "milliseconds"},
                          {"latency_seconds", "how long (ms)", "milliseconds"},
                          {"cache_hit_percent", "Hit rate (0.0-1.0)", "ratio"},
                          {"usage", "KV usage. 1 means 100 percent usage.", "ratio"},
                          {"usage", "from 0 to 1", "ratio"},
                          {"usage", "use (0-100)", "percent"},
                          {"usage", "of 10-100 things", ""},
                          {"power", "drawn (in W)", "watt"},
                          {"energy", "spent (in mJ)", "millijoule"},
                          {"rate", "in tokens/s", "tokens/s"},
                          {"bus", "moved (GB/s)", "gb/s"},
                          {"step", "begin tokens", ""},
                          {"token_usage", "Share of the KV memory held by requests.", ""}}) {
    EXPECT_EQ(metric_unit(one.name, one.help), one.unit) << one.name << ": " << one.help;
  }
}

}  // namespace
}  // namespace infbench::measure
