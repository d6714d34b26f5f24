#include "launch/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "launch/plan_for_test.h"

namespace infbench::launch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string folder_with(const std::string& name, const std::string& text) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string folder = ::testing::TempDir() + "result_" + std::to_string(getpid()) + "_" + test->name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories((folder + "/" + name).substr(0, (folder + "/" + name).rfind('/')));
  std::ofstream(folder + "/" + name) << text;
  return folder;
}

TEST(Result, ReadsOurClientsSummary) {
  const auto figures = read_client_figures(folder_with(
      "summary.json",
      R"({"requests": 40, "errors": 1, "goodput_fraction": 0.7, "goodput_rps": 1.5, "ttft_ms": {"p50": 500.5, "p99": 9654.0},
          "itl_ms": {"p50": 13.0, "p99": null}, "output_tokens_per_s": 585.0, "live": {"not_valid": ["a", "b"]}})"));
  ASSERT_TRUE(figures) << format_errors(figures.error());
  EXPECT_EQ(figures->requests, 40);
  EXPECT_EQ(figures->errors, 1);
  EXPECT_EQ(figures->goodput_fraction, 0.7);
  EXPECT_EQ(figures->ttft_p99, 9654.0);
  EXPECT_EQ(figures->itl_p99, std::nullopt);
  EXPECT_THAT(figures->not_valid, ElementsAre("a", "b"));
}

TEST(Result, ReadsAiperfsSummaryWhereverItIs) {
  const auto figures = read_client_figures(
      folder_with("Qwen_conversation/profile_export_aiperf.json",
                  R"({"request_count": {"avg": 29.0}, "error_request_count": {"avg": 11.0}, "good_request_count": {"avg": 28.0},
          "goodput": {"avg": 3.39}, "time_to_first_token": {"p50": 201.3, "p99": 206.3}, "was_cancelled": true})"));
  ASSERT_TRUE(figures) << format_errors(figures.error());
  EXPECT_EQ(figures->requests, 40);
  EXPECT_EQ(figures->errors, 11);
  EXPECT_EQ(figures->goodput_fraction, 0.7);
  EXPECT_EQ(figures->ttft_p50, 201.3);
  EXPECT_THAT(figures->not_valid, ElementsAre("the client was cancelled"));
}

TEST(Result, NothingToRead) {
  EXPECT_FALSE(read_client_figures("/no/such/folder"));
  const auto broken = read_client_figures(folder_with("summary.json", "{\"requests\": "));
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().front().file, HasSubstr("summary.json"));
}

struct Case {
  std::string what;
  ExitCode code;
  std::string reason;
  bool figures;
  std::vector<std::string> not_valid;
};

TEST(Result, WhatIsValid) {
  const plan::Plan plan = plan_for_test();
  ClientFigures figures;
  figures.requests = 4;
  const std::vector<Case> cases{
      {"measured", ExitCode::success, "", true, {}},
      {"a limit was missed", ExitCode::limit_missed, "the client exited with code 7", true, {}},
      {"interrupted", ExitCode::interrupted, "interrupted while measuring", true, {"interrupted while measuring"}},
      {"a worker failed", ExitCode::worker_failed, "worker w0 died", false, {"worker w0 died"}},
      {"no summary", ExitCode::success, "", false, {"the client left no summary"}}};
  for (const Case& c : cases) {
    const Outcome outcome{.code = c.code, .reason = c.reason};
    const RunVerdict verdict = judge(outcome, plan, c.figures ? &figures : nullptr);
    EXPECT_EQ(verdict.not_valid, c.not_valid) << c.what;
    EXPECT_EQ(verdict.valid, c.not_valid.empty()) << c.what;
  }
  figures.requests = 0;
  EXPECT_THAT(judge({}, plan, &figures).not_valid, ElementsAre("no request was sent"));
}

TEST(Result, TheDocumentSaysWhatOfWhat) {
  const plan::Plan plan = plan_for_test();
  const RunSubject subject{.recipe = "r",
                           .variant = "",
                           .policy = "round_robin",
                           .topology = "2 agg workers, TP2",
                           .client = "srtctl",
                           .gpus = 4,
                           .trace_file = "/t.jsonl",
                           .trace_sha256 = "ab"};
  ClientFigures figures;
  figures.json = R"({"requests":4})";
  figures.goodput_fraction = 0.5;
  const RunVerdict verdict{.valid = true, .not_valid = {}};
  const std::string text = result_json(subject, plan, {}, verdict, &figures);
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  ASSERT_EQ(parser.parse(simdjson::padded_string(text)).get(document), simdjson::SUCCESS) << text;
  EXPECT_EQ(std::int64_t(document["summary"]["requests"]), 4);
  EXPECT_EQ(double(document["goodput_fraction"]), 0.5);
  EXPECT_EQ(bool(document["valid"]), true);
  EXPECT_EQ(std::string_view(document["topology"]), "2 agg workers, TP2");
  EXPECT_THAT(result_text(subject, plan, verdict, &figures), HasSubstr("50.0 % of 0 requests within TTFT 0 ms and ITL 0 ms"));
}

}  // namespace
}  // namespace infbench::launch
