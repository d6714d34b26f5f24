// compare and simulate beyond single runs: grids, draws, searches, explanations, the same on any number of threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "srtctl.h"

namespace infbench::tests {
namespace {

using ::testing::HasSubstr;

Finished run_on_small_trace(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--trace", small_trace()});
  return srtctl(arguments);
}

std::vector<std::string> compare(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"compare", "-f", std::string(kAggregated), "-f", std::string(kDisaggregated)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

simdjson::dom::element parsed(simdjson::dom::parser& parser, const std::string& text) {
  return parser.parse(simdjson::padded_string(text)).value();
}

TEST(Study, AGridIsTheSameOnAnyNumberOfThreads) {
  const std::vector<std::string> grid = {"--grid",  "speed=1,3", "--grid",    "policy=random,cache_aware",
                                         "--draws", "5",         "--explain", "--json"};
  std::string first;
  std::string document;
  for (const char* jobs : {"1", "2", "7"}) {
    std::vector<std::string> arguments = compare(grid);
    arguments.insert(arguments.end(), {"--jobs", jobs});
    const Finished run = run_on_small_trace(arguments);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    if (first.empty()) first = without_timings(run.out);
    EXPECT_EQ(without_timings(run.out), first) << jobs;
    document = run.out;
  }
  simdjson::dom::parser parser;
  const auto json = parsed(parser, document);
  EXPECT_EQ(json["runs"].get_array().size(), 8U);
  EXPECT_EQ(json["runs"].at(7)["point"]["policy"].get_string().value(), "cache_aware");
  EXPECT_EQ(json["runs"].at(7)["speed"].get_double().value(), 3.0);
  EXPECT_EQ(json["draws"]["pairs"].get_array().size(), 28U);
}

// A point of a grid is the run that the same settings give by themselves.
TEST(Study, APointIsTheRunOfItsSettings) {
  simdjson::dom::parser parser;
  const Finished grid = run_on_small_trace(
      {"compare", "-f", std::string(kAggregated), "--grid", "seed=1,2", "--grid", "frontend.args.policy=random", "--json"});
  ASSERT_EQ(grid.exit_code, 0) << grid.err;
  const auto points = parsed(parser, grid.out);
  const double expected = points["runs"].at(1)["ttft_ms"]["mean"].get_double().value();
  simdjson::dom::parser other;
  const Finished alone = run_on_small_trace(
      {"simulate", "-f", std::string(kAggregated), "--seed", "2", "--set", "frontend.args.policy=random", "--json"});
  EXPECT_EQ(parsed(other, alone.out)["runs"].at(0)["ttft_ms"]["mean"].get_double().value(), expected);
}

TEST(Study, FindsASpeedThatHoldsAndOneThatFails) {
  const Finished run = run_on_small_trace(
      {"simulate", "-f", std::string(kAggregated), "--find", "speed", "--require", "goodput_fraction>=0.6", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  simdjson::dom::parser parser;
  const auto found = parsed(parser, run.out)["found"].at(0);
  const double holds = found["speed"].get_double().value();
  const double fails = found["fails_at"].get_double().value();
  EXPECT_LT(holds, fails);
  EXPECT_LE(fails, holds * 1.011);
  EXPECT_GE(found["figures"]["goodput_fraction>=0.6"].get_double().value(), 0.6);
  EXPECT_LT(found["figures_where_it_fails"]["goodput_fraction>=0.6"].get_double().value(), 0.6);
}

TEST(Study, ExplainsEachRequestThatMissed) {
  const std::string folder = scratch_folder() + "/out";
  const Finished run =
      run_on_small_trace({"simulate", "-f", std::string(kAggregated), "--speed", "4", "--explain", "-o", folder, "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  simdjson::dom::parser parser;
  const auto results = parsed(parser, run.out)["runs"].at(0);
  const std::int64_t missed = results["requests"].get_int64().value() - results["good_requests"].get_int64().value();
  std::int64_t lines = 0;
  const std::string text = read_text(folder + "/explain.jsonl");
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    ++lines;
    simdjson::dom::parser line;
    const auto request = parsed(line, text.substr(at, text.find('\n', at) - at));
    std::int64_t sum = 0;
    for (const char* parts : {"to_first_token_ns", "after_ns"}) {
      const simdjson::dom::object each = request[parts].get_object().value();
      for (const auto part : each) sum += part.value.get_int64().value();
    }
    EXPECT_EQ(sum, request["e2e_latency_ns"].get_int64().value());
  }
  EXPECT_EQ(lines, missed);
  EXPECT_GT(missed, 0);
  EXPECT_THAT(read_text(folder + "/summary.json"), HasSubstr("\"explain\""));
}

TEST(Study, SaysWhatIsWrong) {
  struct Case {
    std::vector<std::string> arguments;
    std::string error;
  };
  const std::string recipe(kAggregated);
  for (const Case& c : {Case{{"compare", "-f", recipe, "--grid", "speed=fast"}, "a speed is a number"},
                        Case{{"compare", "-f", recipe, "--grid", "policy=nope"}, "nope"},
                        Case{{"compare", "-f", recipe, "--grid", "backend.nope=1,2"}, "nope"},
                        Case{{"compare", "-f", recipe}, "at least two recipes"},
                        Case{{"simulate", "-f", recipe, "--find", "speed"}, "--require"},
                        Case{{"simulate", "-f", recipe, "--require", "goodput_fraction>=0.9"}, "--find speed"},
                        Case{{"simulate", "-f", recipe, "--find", "speed", "--require", "nothing>=0.9"}, "no such figure"}}) {
    const Finished run = run_on_small_trace(c.arguments);
    EXPECT_EQ(run.exit_code, 2) << c.error;
    EXPECT_THAT(run.err, HasSubstr(c.error));
  }
}

}  // namespace
}  // namespace infbench::tests
