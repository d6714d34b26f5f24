// The HTML report: what it reads back from a run's folder, the figures it shows, and that no name can become markup.
#include "report/html.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/random.h"
#include "measure/artifacts.h"
#include "measure/example_for_test.h"
#include "measure/golden_for_test.h"
#include "measure/output_folder.h"
#include "measure/timeline.h"
#include "report/chart_data.h"
#include "report/html_text.h"
#include "report/page_assets.h"
#include "report/terminal.h"
#include "report/verdict.h"

namespace infbench::report {
namespace {

using measure::example_records;
using measure::example_run;
using testing::HasSubstr;
using testing::Not;

std::string folder_of(const std::string& name, const RunResult& run, std::span<const measure::RequestRecord> records) {
  const std::string folder = ::testing::TempDir() + "infbench_html_" + name;
  std::filesystem::remove_all(folder);
  EXPECT_TRUE(measure::write_artifacts(folder, run, records));
  return folder;
}

FolderRun read(const std::string& folder) {
  auto run = read_run_folder(folder);
  EXPECT_TRUE(run) << format_errors(run.error());
  return *std::move(run);
}

simdjson::dom::element parsed(simdjson::dom::parser& parser, const std::string& json) {
  simdjson::dom::element document;
  EXPECT_EQ(parser.parse(json).get(document), simdjson::SUCCESS);
  return document;
}

// `count` requests on 16 workers, a second apart in a thousand.
FolderRun synthetic(std::size_t count, std::uint64_t seed) {
  FolderRun run{.run = example_run(), .requests = {}, .timeline = {}, .causes = {}};
  Random random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    RequestFigures r;
    r.due = milliseconds(static_cast<std::int64_t>(i));
    r.succeeded = true;
    r.ttft = Duration{static_cast<std::int64_t>(10'000'000 + random.below(30'000'000'000))};
    r.ttft_within = r.ttft <= run.run.summary.slo.ttft;
    r.itl_ms = 10 + static_cast<double>(random.below(1'000'000)) / 1e5;
    r.itl_within = true;
    r.input = static_cast<Tokens>(1 + random.below(128'000));
    r.cached = r.input / 3;
    r.cacheable = r.input / 2;
    run.requests.push_back(r);
  }
  run.timeline.bin_s = 0.1;
  for (int w = 0; w < 16; ++w) {
    WorkerSeries series{.name = fmt::format("agg_{}", w),
                        .role = "agg",
                        .kv_capacity = 1e6,
                        .waiting = {},
                        .prefill = {},
                        .decode = {},
                        .transfers = {},
                        .kv = {}};
    for (int i = 0; i < 1024; ++i) {
      for (auto* values : {&series.waiting, &series.prefill, &series.decode, &series.transfers}) {
        values->push_back(static_cast<double>(random.below(10'000)) / 100);
      }
      series.kv.push_back(static_cast<double>(random.below(1'000'000)));
    }
    run.timeline.workers.push_back(series);
  }
  return run;
}

TEST(RunFolder, GivesBackTheFiguresThatWereWritten) {
  const RunResult run = example_run();
  RunResult back = read(folder_of("back", run, example_records())).run;
  back.cost = run.cost;
  const std::vector<RunResult> before = {run};
  const std::vector<RunResult> after = {back};
  EXPECT_EQ(terminal_report(after, false), terminal_report(before, false));
  EXPECT_EQ(back.summary.ttft_within, run.summary.ttft_within);
  EXPECT_EQ(back.summary.itl_within, run.summary.itl_within);
  EXPECT_EQ(back.info.trace_sha256, "b8cb");
  EXPECT_EQ(back.info.generator, "infbench test");
}

// Judged from the records, each request comes out as the summary judged it.
TEST(RunFolder, JudgesRequestsAsTheSummaryDid) {
  const FolderRun run = read(folder_of("judged", example_run(), example_records()));
  ASSERT_EQ(run.requests.size(), 5U);
  std::int64_t ttft = 0;
  std::int64_t itl = 0;
  for (const RequestFigures& r : run.requests) {
    ttft += r.ttft_within ? 1 : 0;
    itl += r.itl_within ? 1 : 0;
  }
  EXPECT_EQ(ttft, run.run.summary.ttft_within);
  EXPECT_EQ(itl, run.run.summary.itl_within);
  EXPECT_EQ(run.requests[1].due, seconds(1));
  EXPECT_EQ(run.requests[1].ttft, milliseconds(2500));
  EXPECT_EQ(run.requests[3].itl_ms, 30);
  EXPECT_EQ(run.requests[3].cached, 2048);
  EXPECT_FALSE(run.requests[4].succeeded);
}

TEST(RunFolder, SaysWhatIsWrongWithAFolder) {
  EXPECT_THAT(format_errors(read_run_folder("/no/such").error()), HasSubstr("there is no summary.json"));
  const std::string folder = folder_of("broken", example_run(), example_records());
  std::ofstream(folder + "/profile_export.jsonl") << "{\"metadata\":{}}\n{}\n";
  EXPECT_THAT(format_errors(read_run_folder(folder).error()),
              HasSubstr("profile_export.jsonl:1: expected a record of a request"));
  std::ofstream(folder + "/profile_export.jsonl")
      << R"({"metadata":{"credit_issued_ns":-9223372036854775808,"request_start_ns":1}})"
      << "\n{}\n";
  EXPECT_THAT(format_errors(read_run_folder(folder).error()),
              HasSubstr("profile_export.jsonl:1: expected a record of a request"));
  std::ofstream(folder + "/summary.json") << "{\"recipe\": \"x\"}";
  EXPECT_THAT(format_errors(read_run_folder(folder).error()), HasSubstr("expected a summary as srtctl writes it"));
}

TEST(RunFolder, StandsForTheRunsBelowIt) {
  const std::string top = folder_of("top", example_run(), example_records());
  EXPECT_THAT(run_folders(top), testing::ElementsAre(top));
  for (const char* below : {"/b", "/a/artifacts/name", "/a/artifacts/warmup"}) {
    std::filesystem::create_directories(top + below);
    std::filesystem::copy_file(top + "/summary.json", top + below + "/summary.json");
  }
  std::filesystem::remove(top + "/summary.json");
  EXPECT_THAT(run_folders(top), testing::ElementsAre(top + "/a/artifacts/name", top + "/b"));
  EXPECT_THAT(run_folders(top + "/none"), testing::IsEmpty());
}

TEST(ChartData, CurvesGoThroughTheLimitExactly) {
  const std::vector<FolderRun> runs = {synthetic(5'000, 1)};
  simdjson::dom::parser parser;
  const auto json = parsed(parser, chart_data(runs, std::vector<std::string>{"x"}));
  std::int64_t within = 0;
  for (const RequestFigures& r : runs[0].requests) within += r.ttft_within ? 1 : 0;
  bool met = false;
  std::size_t i = 0;
  double before = -1;
  for (const double x : json["runs"].at(0)["ttft"]["x"].get_array()) {
    const double y = json["runs"].at(0)["ttft"]["y"].at(i++);
    EXPECT_GE(y, before);
    before = y;
    if (x != 2000) continue;
    met = true;
    EXPECT_NEAR(y, 100.0 * static_cast<double>(within) / 5'000, 1e-3);
  }
  EXPECT_TRUE(met);
  EXPECT_EQ(before, 100);
  EXPECT_LE(i, kMostCurvePoints + 2);
}

TEST(ChartData, DrawsEveryRequestUntilThereAreTooMany) {
  simdjson::dom::parser parser;
  const auto drawn = [&](std::size_t requests) {
    const std::vector<FolderRun> runs = {synthetic(requests, 2)};
    return std::size_t(
        parsed(parser, chart_data(runs, std::vector<std::string>{"x"}))["runs"].at(0)["points"]["drawn"].get_uint64().value());
  };
  EXPECT_EQ(drawn(12'000), 12'000U);
  EXPECT_LE(drawn(kMostPoints + 1), kMostPoints);
  EXPECT_GE(drawn(kMostPoints + 1), kMostPoints / 8);
}

TEST(Html, StaysSmall) {
  EXPECT_LT(html_report(std::vector<FolderRun>(2, synthetic(12'000, 3))).size(), 1'500'000U);
  EXPECT_LT(html_report(std::vector<FolderRun>(6, synthetic(12'000, 3))).size(), 3'000'000U);
  EXPECT_LT(html_report(std::vector<FolderRun>(1, synthetic(kMostPoints + 1, 3))).size(), 3'000'000U);
}

// What the terminal shows is on the page too, with the exact value beside it.
TEST(Html, ShowsTheVerdictAndTheFigures) {
  const FolderRun run = read(folder_of("shown", example_run(), example_records()));
  const std::string html = html_report(std::vector<FolderRun>{run});
  EXPECT_THAT(
      html, HasSubstr("<h1>agg-round-robin meets the limits (TTFT \u2264 2000 ms, ITL \u2264 25 ms) for 40.0 % of requests."));
  EXPECT_THAT(html, HasSubstr("SIMULATED: by an engine model in virtual time"));
  EXPECT_THAT(html, HasSubstr(R"(<th scope="row">Goodput (% of requests)</th><td class="n" data-value="0.4">40.0</td>)"));
  EXPECT_THAT(html, HasSubstr(R"(<th scope="row">only TTFT missed</th><td class="n">1</td>)"));
  EXPECT_THAT(html, HasSubstr(R"(<th scope="row">only ITL missed</th><td class="n">1</td>)"));
  EXPECT_THAT(html, HasSubstr(R"(<th scope="row">failed</th><td class="n">1</td>)"));
  EXPECT_THAT(html, HasSubstr("<td>conversation_trace.jsonl</td>"));
  EXPECT_THAT(html, Not(HasSubstr("difference")));
}

TEST(Html, SaysThatADifferenceWasNotTested) {
  FolderRun run = read(folder_of("certain", example_run(), example_records()));
  EXPECT_THAT(html_report(std::vector<FolderRun>(2, run)), HasSubstr("decided was not tested"));
  FolderRun other = run;
  other.run.info.speed = 2;
  EXPECT_THAT(html_report(std::vector<FolderRun>{run, other}), HasSubstr("did not get the same traffic"));
}

TEST(Html, SaysWhetherTheDrawsDecide) {
  RunResult better = example_run();
  RunResult worse = example_run();
  better.info.recipe = "better";
  worse.info.recipe = "worse";
  better.summary.drawn_goodput = {0.50, 0.52, 0.54, 0.56, 0.58};
  worse.summary.drawn_goodput = {0.40, 0.42, 0.44, 0.46, 0.48};
  const auto page = [&] {  // through the files, as `srtctl report` has them
    return html_report(std::vector<FolderRun>{read(folder_of("draws_better", better, example_records())),
                                              read(folder_of("draws_worse", worse, example_records()))});
  };
  EXPECT_THAT(page(),
              HasSubstr("<p>Decided: in 5 worlds drawn from the uncertainty of the step times, better is above worse in "
                        "all, by 10.0 points in the mean.</p>"));
  worse.summary.drawn_goodput[2] = 0.6;
  EXPECT_THAT(page(),
              HasSubstr("<p>Not decided: in 5 worlds drawn from the uncertainty of the step times, better is not surely "
                        "above worse.</p>"));
  worse.info.seed += 1;  // other worlds
  EXPECT_THAT(page(), HasSubstr("decided was not tested"));
}

TEST(Html, KeepsTheGridsPoint) {
  RunResult run = example_run();
  run.info.point = {{"policy", "slo"}, {"speed", "2"}};
  const FolderRun again = read(folder_of("point", run, example_records()));
  EXPECT_EQ(again.run.info.point, run.info.point);
}

TEST(Html, ShowsTheBestOfManyRuns) {
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < kMostRuns + 2; ++i) {
    RunResult run = example_run();
    run.info.recipe = fmt::format("recipe{}", i);
    run.summary.good_requests = i == 3 || i == 5 ? 1 : 2;
    folders.push_back(folder_of(run.info.recipe, run, example_records()));
  }
  const std::string file = ::testing::TempDir() + "infbench_html_many.html";
  ASSERT_TRUE(write_html_report(folders, file));
  const std::string html = read_text(file);
  EXPECT_THAT(html, HasSubstr("<p>Shown are the 12 best of 14 runs.</p>"));
  EXPECT_THAT(html, testing::AllOf(HasSubstr("recipe2<"), HasSubstr("recipe13<"), Not(HasSubstr("recipe3<"))));
}

TEST(Html, SaysWhatTookTheTimeWhereTheRunExplainedIt) {
  const std::string folder = folder_of("explained", example_run(), example_records());
  std::string summary = read_text(folder + "/summary.json");
  summary.insert(summary.find('{') + 1,
                 R"("explain": {"missed_ttft": {"requests": 1, "causes": {"router_wait": 0, "queue": 1},
                                               "mean_ms": {"router_wait": 0.0, "queue": 2345.6}}},)");
  ASSERT_TRUE(measure::write_file(folder + "/summary.json", summary));
  const std::string html = html_report(std::vector<FolderRun>{read(folder)});
  EXPECT_THAT(
      html,
      HasSubstr(R"(<th scope="row">TTFT missed: queue</th><td class="n">2,345.6</td><td class="n" data-value="1">1</td>)"));
  EXPECT_THAT(html, HasSubstr("TTFT missed: router wait"));
}

TEST(Html, NoNameBecomesMarkup) {
  const std::string evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x1b[31m";
  RunResult result = example_run();
  for (std::string* text : {&result.info.recipe, &result.info.recipe_path, &result.info.policy, &result.info.topology,
                            &result.info.model, &result.info.trace, &result.info.trace_sha256, &result.info.generator}) {
    *text = evil;
  }
  result.info.overrides = {evil};
  result.info.notes = {evil};
  for (auto& load : result.summary.workers) load.info.name = evil;
  result.summary.error_counts = {{.code = 400, .message = evil, .count = 1}};
  const std::string folder = folder_of("evil", result, example_records());
  measure::Timeline timeline(2);
  timeline.note({0}, {.waiting = 1}, measure::at_ms(1));
  ASSERT_TRUE(measure::write_file(folder + "/timeline.json", timeline.json(result.summary.workers, 0)));
  FolderRun run = read(folder);
  run.run.live = measure::LiveFigures{};
  run.run.live->not_valid = {evil};
  const std::string html = html_report(std::vector<FolderRun>(2, run));
  EXPECT_THAT(html, HasSubstr("&lt;img src=x onerror=alert(2)&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  std::size_t scripts = 0;
  for (std::size_t at = 0; (at = html.find("</script", at)) != std::string::npos; ++at) ++scripts;
  EXPECT_EQ(scripts, 2U);
}

TEST(Html, AsksForNothingFromTheNetwork) {
  const std::string html = html_report(std::vector<FolderRun>{synthetic(10, 4)});
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, HasSubstr("script-src '" + policy_hash(kPageScript) + "'"));
  EXPECT_THAT(html, HasSubstr("<script>" + std::string(kPageScript) + "</script>"));
  std::string rest = html;
  const std::string svg = "http://www.w3.org/2000/svg";
  for (std::size_t at = 0; (at = rest.find(svg)) != std::string::npos;) rest.erase(at, svg.size());
  EXPECT_THAT(rest, Not(HasSubstr("http:")));
  EXPECT_THAT(rest, Not(HasSubstr("https:")));
  EXPECT_THAT(std::string(kPageScript), Not(HasSubstr("innerHTML")));
}

TEST(HtmlText, PolicyHashesAreSha256InBase64) {
  EXPECT_EQ(policy_hash(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  EXPECT_EQ(escaped("a<b>&\"'\t"), "a&lt;b&gt;&amp;&quot;&#39;?");
}

}  // namespace
}  // namespace infbench::report
