// What the reports of studies say: draws, grids, searches, explanations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "measure/example_for_test.h"
#include "report/draws.h"
#include "report/explain.h"
#include "report/find.h"
#include "report/grid.h"
#include "report/json.h"
#include "report/terminal.h"
#include "report/text.h"

namespace infbench::report {
namespace {

using measure::Part;
using measure::RunResult;
using ::testing::HasSubstr;
using ::testing::Not;

simdjson::dom::element parsed(simdjson::dom::parser& parser, const std::string& text) {
  return parser.parse(simdjson::padded_string(text)).value();
}

TEST(Draws, AnOrderIsDecidedByItsShareOfEnoughDraws) {
  struct Row {
    int a_better, b_better, ties;
    bool decided;
  };
  for (const Row& row : {Row{20, 0, 0, true}, Row{19, 1, 0, true}, Row{18, 2, 0, false}, Row{0, 20, 0, true},
                         Row{10, 0, 10, false}, Row{4, 0, 0, false}, Row{5, 0, 0, true}, Row{0, 0, 20, false}}) {
    Draws draws{.labels = {"a", "b"}, .goodput = {{}, {}}};
    const auto add = [&](int times, double a, double b) {
      for (int i = 0; i < times; ++i) {
        draws.goodput[0].push_back(a);
        draws.goodput[1].push_back(b);
      }
    };
    add(row.a_better, 0.8, 0.7);
    add(row.b_better, 0.7, 0.8);
    add(row.ties, 0.5, 0.5);
    const std::vector<Order> orders = orders_of(draws);
    ASSERT_EQ(orders.size(), 1);
    EXPECT_EQ(orders[0].decided(), row.decided) << row.a_better << " " << row.b_better << " " << row.ties;
  }
}

TEST(Draws, AreTold) {
  const Draws draws{.labels = {"slow", "fast"}, .goodput = {{0.5, 0.6, 0.5, 0.6, 0.5}, {0.7, 0.8, 0.7, 0.8, 0.7}}};
  const std::string text = draws_block(draws);
  EXPECT_THAT(text, HasSubstr("Goodput (%) over 5 draws"));
  EXPECT_THAT(text, HasSubstr("2 above 1    in 5 of 5 draws, by 20.0 points in the mean: decided\n"));
  const RunResult run = measure::example_run();
  const std::vector<RunResult> runs{run, run};
  simdjson::dom::parser parser;
  const auto json = parsed(parser, json_report(runs, &draws));
  EXPECT_EQ(json["draws"]["draws"].get_int64().value(), 5);
  EXPECT_EQ(json["draws"]["pairs"].at(0)["b_better"].get_int64().value(), 5);
  EXPECT_TRUE(json["draws"]["pairs"].at(0)["decided"].get_bool().value());
  EXPECT_NEAR(json["draws"]["runs"].at(0)["goodput_fraction"]["mean"].get_double().value(), 0.54, 1e-12);
}

std::vector<RunResult> grid_of_two() {
  std::vector<RunResult> runs(2, measure::example_run());
  runs[0].info.point = {{"speed", "1"}, {"policy", "round_robin"}};
  runs[1].info.point = {{"speed", "1"}, {"policy", "cache_aware"}};
  runs[1].summary.good_requests += 1;
  return runs;
}

TEST(Grid, HasARowForEachPointAndMarksTheBest) {
  const std::vector<RunResult> runs = grid_of_two();
  const std::string text = terminal_report(runs, false);
  EXPECT_THAT(text, HasSubstr("speed  policy"));
  EXPECT_THAT(text, HasSubstr("1      round_robin"));
  const std::size_t second = text.find("1      cache_aware");
  ASSERT_NE(second, std::string::npos);
  EXPECT_THAT(text.substr(second, text.find('\n', second) - second), HasSubstr("*"));
  EXPECT_THAT(text, Not(HasSubstr("Load of each worker")));
  EXPECT_THAT(text, HasSubstr("speed=1 policy=cache_aware"));  // in the verdict
  simdjson::dom::parser parser;
  const auto json = parsed(parser, json_report(runs));
  EXPECT_EQ(json["runs"].at(1)["point"]["policy"].get_string().value(), "cache_aware");
}

TEST(Grid, FitsTheTerminal) {
  std::vector<RunResult> runs = grid_of_two();
  runs[0].info.recipe = "a-recipe-whose-name-is-far-too-long-for-a-table";
  for (RunResult& run : runs) {
    for (const char* key : {"backend.sglang_config.prefill.chunked-prefill-size", "resources.prefill_workers"}) {
      run.info.point.emplace_back(key, "16384");
    }
  }
  const std::string rows = grid_rows(runs, false);
  std::size_t widest = 0;
  for (std::size_t at = 0; at < rows.size(); at = rows.find('\n', at) + 1) widest = std::max(widest, rows.find('\n', at) - at);
  EXPECT_LE(widest, kColumns) << rows;
  EXPECT_THAT(rows, HasSubstr("good %"));
  EXPECT_THAT(rows, HasSubstr("16384"));
  EXPECT_THAT(rows, HasSubstr("left out for room: ITL p50, good req/s"));
  EXPECT_THAT(grid_rows(grid_of_two(), false), Not(HasSubstr("left out")));
}

TEST(Explain, NamesLeadingCauses) {
  measure::Explanation e;
  e.to_first_token[Part::queue] = milliseconds(3);
  e.to_first_token[Part::own_prefill] = milliseconds(2);
  e.after[Part::decode_batch] = milliseconds(90);
  e.after[Part::others_prefill] = milliseconds(20);
  EXPECT_EQ(cause_of_ttft(e), Part::queue);
  EXPECT_EQ(e.after.total(), milliseconds(110));
  // 11 tokens at 10 ms: the decode steps alone would have kept the limit; at 8 ms they are too slow themselves.
  EXPECT_EQ(cause_of_itl(e, milliseconds(10), 11), Part::others_prefill);
  EXPECT_EQ(cause_of_itl(e, milliseconds(8), 11), Part::decode_batch);
}

TEST(Explain, IsPartOfTheReports) {
  RunResult run = measure::example_run();
  EXPECT_EQ(explain_block({&run, 1}, std::vector<std::string>{"x"}), "");
  measure::ExplainSummary explain;
  explain.ttft.requests = 2;
  explain.ttft.causes[static_cast<std::size_t>(Part::queue)] = 2;
  explain.ttft.parts[Part::queue] = milliseconds(3000);
  run.summary.explain = explain;
  EXPECT_THAT(terminal_report({&run, 1}, false), HasSubstr("Why TTFT was missed"));
  EXPECT_THAT(explain_block({&run, 1}, std::vector<std::string>{"x"}), HasSubstr("1,500"));
  simdjson::dom::parser parser;
  const auto json = parsed(parser, json_report({&run, 1}));
  const auto missed = json["runs"].at(0)["explain"]["missed_ttft"];
  EXPECT_EQ(missed["causes"]["queue"].get_int64().value(), 2);
  EXPECT_EQ(missed["mean_ms"]["queue"].get_double().value(), 1500.0);
  EXPECT_TRUE(json["runs"].at(0)["explain"]["missed_itl"]["mean_ms"]["queue"].is_null());
}

TEST(Find, SaysTheSpeedAndWhoIsBest) {
  Found one{.run = measure::example_run(),
            .speed = 1.5,
            .fails_at = 1.51,
            .requests_per_s = 8.0,
            .runs = 9,
            .figures = {0.91},
            .failed_figures = {0.89}};
  Found none{.run = measure::example_run(),
             .speed = {},
             .fails_at = 0.001,
             .requests_per_s = {},
             .runs = 11,
             .figures = {},
             .failed_figures = {0.2}};
  none.run.info.recipe = "other";
  const std::vector<Found> found{one, none};
  const std::vector<std::string> goals{"goodput_fraction>=0.9"};
  const std::string text = find_report(found, goals, false);
  EXPECT_THAT(text, HasSubstr("Highest speed with goodput_fraction>=0.9"));
  EXPECT_THAT(text, HasSubstr("1.51"));
  EXPECT_THAT(text, HasSubstr("holds the goal at the highest rate"));
  simdjson::dom::parser parser;
  const auto json = parsed(parser, find_json(found, goals));
  EXPECT_EQ(json["found"].at(0)["speed"].get_double().value(), 1.5);
  EXPECT_EQ(json["found"].at(0)["figures"]["goodput_fraction>=0.9"].get_double().value(), 0.91);
  EXPECT_TRUE(json["found"].at(1)["speed"].is_null());
}

}  // namespace
}  // namespace infbench::report
