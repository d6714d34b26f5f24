#include "measure/server_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "measure/example_for_test.h"

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

}  // namespace
}  // namespace infbench::measure
