// The terminal report, the verdict and the JSON of one run and of several.
#include <cmath>
#include <cstring>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include "base/random.h"
#include "measure/example_for_test.h"
#include "measure/golden_for_test.h"
#include "report/json.h"
#include "report/terminal.h"
#include "report/text.h"
#include "report/verdict.h"

namespace infbench::report {
namespace {

using measure::example_records;
using measure::example_slo;
using measure::example_success;
using testing::HasSubstr;
using testing::StartsWith;

RunResult first_run() { return measure::example_run(); }

// Prefill and decode apart: every request is good but the one that is refused.
RunResult second_run() {
  RunResult run = first_run();
  run.info.recipe = "disagg-kv-router";
  run.info.policy = "prefill cache_aware, decode round_robin";
  run.info.topology = "2 prefill + 1 decode workers, TP2";
  auto records = example_records();
  for (auto& r : records) {
    if (!r.worker) continue;
    r.worker = WorkerId{2};
    r.prefill_worker = WorkerId{r.request.value % 2};
    r.first_token = r.sent + milliseconds(400);
    r.second_token.reset();
    r.end = *r.first_token + milliseconds(20) * (r.output - 1);
  }
  run.summary = measure::summarize(
      records, example_slo(),
      std::vector<measure::WorkerInfo>{{.name = "prefill_0", .role = Role::prefill, .kv_capacity = 1000, .kv_peak = 250},
                                       {.name = "prefill_1", .role = Role::prefill, .kv_capacity = 1000, .kv_peak = 500},
                                       {.name = "decode_0", .role = Role::decode, .kv_capacity = 1000, .kv_peak = 1000}},
      4);
  run.cost = {.wall_s = 1.5, .cpu_s = 1.25};
  return run;
}

// `good` of `requests` requests met the limits, the others came late.
RunResult run_with(const std::string& recipe, int good, int requests) {
  RunResult run = first_run();
  run.info.recipe = recipe;
  std::vector<measure::RequestRecord> records;
  for (int i = 0; i < requests; ++i) {
    const int first = i < good ? 1000 : 5000;
    records.push_back(example_success(static_cast<std::uint32_t>(i), 0, first, first + 100, 11, 0));
    records.back().input = 100;
  }
  run.summary = measure::summarize(records, example_slo(), measure::example_workers(), 4);
  return run;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (!line.starts_with("Verdict: ")) widest = std::max(widest, width_of(line));
    at = end + 1;
  }
  return widest;
}

std::string last_line(const std::string& text) {
  const std::size_t before = text.rfind('\n', text.size() - 2);
  return text.substr(before + 1, text.size() - before - 2);
}

TEST(TerminalReport, MatchesTheGoldenFiles) {
  const RunResult one = first_run();
  const std::vector<RunResult> two{first_run(), second_run()};
  RunResult stand_in = second_run();
  stand_in.info.stand_in_trace = true;
  stand_in.info.notes = {"the first timestamp was 500 ms and is taken for 0"};
  const std::vector<RunResult> three{first_run(), second_run(), run_with("a-recipe-with-a-rather-long-name", 3, 4)};
  expect_golden("src/report/golden/one.txt", terminal_report({&one, 1}, false));
  expect_golden("src/report/golden/two.txt", terminal_report(two, false));
  expect_golden("src/report/golden/stand_in.txt", terminal_report({&stand_in, 1}, false));
  expect_golden("src/report/golden/three.txt", terminal_report(three, false));
  const std::vector<RunResult> seven(7, one);
  expect_golden("src/report/golden/seven.txt", terminal_report(seven, false));
}

TEST(TerminalReport, FirstLinesSayWhatItIs) {
  RunResult run = first_run();
  EXPECT_THAT(terminal_report({&run, 1}, false), StartsWith("SIMULATED: "));
  run.info.stand_in_trace = true;
  EXPECT_THAT(terminal_report({&run, 1}, false), StartsWith("STAND-IN TRACE: "));
  EXPECT_THAT(terminal_report({&run, 1}, false), HasSubstr("not the published trace\nSIMULATED: "));
}

TEST(TerminalReport, ColoursOnlyWhenAsked) {
  const std::vector<RunResult> two{first_run(), second_run()};
  const std::string plain = terminal_report(two, false);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  std::string coloured = terminal_report(two, true);
  EXPECT_THAT(coloured, HasSubstr("\x1b[1;32m"));
  for (std::size_t at = 0; (at = coloured.find('\x1b')) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  EXPECT_EQ(coloured, plain);
}

TEST(TerminalReport, FitsOneHundredColumns) {
  for (std::size_t runs = 1; runs <= 8; ++runs) {
    std::vector<RunResult> many(runs, second_run());
    for (std::size_t i = 0; i < runs; ++i) {
      many[i].info.recipe = std::string(i * 9, 'x') + "\xE6\xBC\xA2\xE5\xAD\x97-" + std::to_string(i);
      many[i].summary.ttft_ms.max = 12'345'678.9;
      many[i].summary.requests = 1'234'567'890;
      many[i].info.overrides = {"frontend.type=srtctl", "frontend.args.policy=min_ttft", "engine.kv_tokens=100000"};
      many[i].summary.workers.resize(30, many[i].summary.workers[0]);
    }
    EXPECT_LE(widest_line(terminal_report(many, false)), kColumns) << runs;
  }
}

TEST(TerminalReport, TellsErrorsAndNotesOnce) {
  std::vector<RunResult> two{first_run(), second_run()};
  two[0].info.notes = two[1].info.notes = {"rows were out of order and sorted"};
  const std::string text = terminal_report(two, false);
  EXPECT_THAT(text, HasSubstr("Error in agg-round-robin: 1 x prompt and answer of 200010 tokens"));
  EXPECT_EQ(text.find("Note: rows"), text.rfind("Note: rows"));
}

TEST(TerminalReport, OfNoRequests) {
  RunResult run = first_run();
  run.summary = measure::summarize({}, example_slo(), {}, 4);
  const std::string text = terminal_report({&run, 1}, false);
  EXPECT_THAT(text, HasSubstr("\nTTFT                                        -            -"));
  EXPECT_EQ(last_line(text), "Verdict: agg-round-robin had no requests to judge.");
}

TEST(Verdict, SaysWhichRecipeAndByHowMuch) {
  struct Case {
    std::vector<RunResult> runs;
    std::string verdict;
  };
  const std::string limits = "the limits (TTFT <= 2000 ms, ITL <= 25 ms) for ";
  RunResult stricter = run_with("strict", 1, 4);
  stricter.summary.slo.ttft = Duration{500'500'000};
  const Case cases[] = {
      {{run_with("a", 3, 4)}, "Verdict: a meets " + limits + "75.0 % of requests."},
      {{run_with("a", 3, 4), run_with("b", 2, 4)},
       "Verdict: a meets " + limits + "75.0 % of requests, 25.0 points more than b (50.0 %)."},
      {{run_with("a", 1, 4), run_with("b", 2, 4)},
       "Verdict: b meets " + limits + "50.0 % of requests, 25.0 points more than a (25.0 %)."},
      {{run_with("a", 2, 4), run_with("b", 1, 2)}, "Verdict: a tie: a and b meet " + limits + "50.0 % of requests."},
      {{run_with("a", 0, 4), run_with("b", 0, 4)}, "Verdict: a tie: a and b meet " + limits + "0.0 % of requests."},
      {{run_with("a", 1, 4), run_with("b", 3, 4), run_with("c", 2, 4)},
       "Verdict: b meets " + limits + "75.0 % of requests, 25.0 points more than the next best, c (50.0 %)."},
      {{run_with("a", 3, 4), run_with("b", 3, 4), run_with("c", 2, 4)},
       "Verdict: a tie: a and b meet " + limits + "75.0 % of requests, 25.0 points more than c (50.0 %)."},
      {{run_with("a", 3, 4), run_with("b", 3, 4), run_with("c", 3, 4)},
       "Verdict: a tie: a, b and c meet " + limits + "75.0 % of requests."},
      {{run_with("a", 999, 3000), run_with("b", 1000, 3000)},
       "Verdict: b meets " + limits + "33.3 % of requests, less than 0.1 points more than a (33.3 %)."},
      {{run_with("same", 3, 4), run_with("same", 2, 4)},
       "Verdict: same #1 meets " + limits + "75.0 % of requests, 25.0 points more than same #2 (50.0 %)."},
      {{run_with("a", 3, 4), run_with("b", 0, 0)}, "Verdict: a meets " + limits + "75.0 % of requests."},
      {{run_with("a", 0, 0), run_with("b", 0, 0)}, "Verdict: no run had requests to judge."},
      {{run_with("a", 3, 4), stricter},
       "Verdict: a meets " + limits +
           "75.0 % of requests, 50.0 points more than strict (25.0 % within its own limits, TTFT <= 500.5 ms, ITL <= 25 ms)."},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(verdict(c.runs), c.verdict);
    EXPECT_EQ(last_line(terminal_report(c.runs, false)), c.verdict);
  }
}

RC_GTEST_PROP(VerdictProperty, NamesTheRunWithMostGoodRequests, (std::uint64_t seed)) {
  Random random(seed);
  std::vector<RunResult> runs;
  std::size_t best = 0;
  bool tie = false;
  for (std::size_t i = 0; i < 2 + seed % 4; ++i) {
    runs.push_back(first_run());
    runs[i].info.recipe = "recipe-" + std::to_string(i);
    runs[i].summary.requests = 1000;
    runs[i].summary.good_requests = static_cast<std::int64_t>(random.below(1001));
    if (i == 0) continue;
    const auto most = runs[best].summary.good_requests;
    tie = runs[i].summary.good_requests == most || (tie && runs[i].summary.good_requests < most);
    if (runs[i].summary.good_requests > most) best = i;
  }
  const std::string text = verdict(runs);
  RC_ASSERT(text.starts_with(tie ? "Verdict: a tie: " : "Verdict: " + runs[best].info.recipe + " meets "));
}

struct Parsed {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
};

std::unique_ptr<Parsed> parse(const std::string& json) {
  auto parsed = std::make_unique<Parsed>();
  EXPECT_EQ(parsed->parser.parse(json).get(parsed->root), simdjson::SUCCESS) << json;
  return parsed;
}

TEST(JsonReport, ReadsBackAsTheSummaries) {
  const std::vector<RunResult> two{first_run(), second_run()};
  const auto parsed = parse(json_report(two));
  const auto& root = parsed->root;
  EXPECT_TRUE(bool(root["simulated"]));
  EXPECT_FALSE(bool(root["stand_in_trace"]));
  EXPECT_EQ(simdjson::dom::array(root["runs"]).size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto run = root["runs"].at(i);
    const auto& summary = two[i].summary;
    EXPECT_EQ(std::string_view(run["recipe"]), two[i].info.recipe);
    EXPECT_EQ(double(run["goodput_fraction"]), *summary.goodput_fraction());
    EXPECT_EQ(std::int64_t(run["good_request_count"]), summary.good_request_count);
    for (const auto& [key, stats] : {std::pair{"ttft_ms", &summary.ttft_ms}, std::pair{"itl_ms", &summary.itl_ms},
                                     std::pair{"e2e_latency_ms", &summary.e2e_latency_ms}}) {
      EXPECT_EQ(double(run[key]["mean"]), stats->avg);
      EXPECT_EQ(double(run[key]["p50"]), stats->p50);
      EXPECT_EQ(double(run[key]["p90"]), stats->p90);
      EXPECT_EQ(double(run[key]["p99"]), stats->p99);
      EXPECT_EQ(double(run[key]["max"]), stats->max);
    }
    EXPECT_EQ(double(run["wall_s"]), two[i].cost.wall_s);
    EXPECT_EQ(double(run["cpu_s"]), two[i].cost.cpu_s);
  }
  const auto difference = root["differences"].at(0);
  EXPECT_EQ(std::string_view(difference["recipe"]), "disagg-kv-router");
  EXPECT_EQ(std::string_view(difference["against"]), "agg-round-robin");
  EXPECT_DOUBLE_EQ(double(difference["goodput_points"]), 40);  // 4 of 5 against 2 of 5
  EXPECT_DOUBLE_EQ(double(difference["ttft_ms"]["mean"]), 400 - 1025);
  EXPECT_EQ(std::string_view(root["verdict"]), verdict(two));
}

TEST(JsonReport, OfNoRequestsHasNulls) {
  std::vector<RunResult> two{first_run(), first_run()};
  two[1].info.stand_in_trace = true;
  two[1].summary = measure::summarize({}, example_slo(), {}, 4);
  const auto parsed = parse(json_report(two));
  EXPECT_TRUE(bool(parsed->root["stand_in_trace"]));
  EXPECT_TRUE(parsed->root["runs"].at(1)["ttft_ms"].is_null());
  EXPECT_TRUE(parsed->root["differences"].at(0)["ttft_ms"].is_null());
  EXPECT_TRUE(parsed->root["differences"].at(0)["goodput_points"].is_null());
  EXPECT_EQ(parse(json_report({two.data(), 1}))->root["differences"].get_array().size(), 0U);
}

}  // namespace
}  // namespace infbench::report
