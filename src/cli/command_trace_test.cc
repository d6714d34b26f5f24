#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/commands.h"
#include "net/server_for_test.h"

namespace infbench::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Printed {
  ExitCode code = ExitCode::success;
  std::string out;
  std::string err;
};

template <typename Options>
Printed run_and_catch(const Options& options) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Printed printed;
  printed.code = run(options);
  printed.out = ::testing::internal::GetCapturedStdout();
  printed.err = ::testing::internal::GetCapturedStderr();
  return printed;
}

class CommandTraceTest : public ::testing::Test {
 protected:
  CommandTraceTest() : folder_(::testing::TempDir() + "command_trace_test_" + std::to_string(::getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~CommandTraceTest() override { fs::remove_all(folder_); }

  std::string put(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  std::string folder_;
};

constexpr const char* kTwoRows =
    "{\"timestamp\": 5, \"input_length\": 600, \"output_length\": 10, \"hash_ids\": [0, 1]}\n"
    "{\"timestamp\": 2005, \"input_length\": 600, \"output_length\": 30, \"hash_ids\": [0, 2]}\n";

TEST_F(CommandTraceTest, AnalyzePrintsATableAndNotes) {
  const Printed printed = run_and_catch(TraceAnalyzeOptions{.file = put("t.jsonl", kTwoRows)});
  EXPECT_EQ(printed.code, ExitCode::success);
  EXPECT_THAT(printed.out, StartsWith(folder_ + "/t.jsonl\n"));
  EXPECT_THAT(printed.out, HasSubstr("requests                           2\n"));
  EXPECT_THAT(printed.out, HasSubstr("cache efficiency               25.00 % of the blocks"));
  EXPECT_THAT(printed.err, HasSubstr("t.jsonl: note: the first timestamp was 5 ms"));
}

TEST_F(CommandTraceTest, AnalyzeAsJsonHasEveryFigure) {
  const Printed printed = run_and_catch(TraceAnalyzeOptions{.file = put("t.jsonl", kTwoRows), .json = true});
  EXPECT_THAT(printed.out, StartsWith("{\n"));
  for (const char* member :
       {"\"stand_in_trace\": false", "\"requests\": 2", "\"duration_s\": 2.0", "\"rate_per_s\": 1.0", "\"total_blocks\": 4",
        "\"unique_blocks\": 3", "\"reused_blocks\": 1", "\"cache_efficiency_blocks\": 0.25", "\"largest_burst\": 1",
        "\"mean\": 20.0,\n    \"min\": 10,\n    \"p50\": 20.0,\n    \"p90\": 28.0,", "the first timestamp was 5 ms"}) {
    EXPECT_THAT(printed.out, HasSubstr(member));
  }
}

TEST_F(CommandTraceTest, ABadTraceEndsWithItsErrorsAndCode2) {
  const Printed printed = run_and_catch(TraceAnalyzeOptions{.file = put("t.jsonl", "{\"timestamp\": 0}\n{"), .json = true});
  EXPECT_EQ(printed.code, ExitCode::bad_input);
  EXPECT_EQ(printed.out, "");
  EXPECT_THAT(printed.err, HasSubstr("t.jsonl:1:16: the field 'input_length' is missing\n"));
  EXPECT_THAT(printed.err, HasSubstr("t.jsonl:2:2: the last line is cut off"));
}

TEST_F(CommandTraceTest, AStandInSaysSoInItsFirstLineAndInJson) {
  const std::string path = folder_ + "/made.jsonl";
  const Printed made = run_and_catch(TraceSynthesizeOptions{.like = "conversation", .requests = 40, .output = path});
  EXPECT_EQ(made.code, ExitCode::success);
  EXPECT_THAT(made.err, HasSubstr("40 requests, a stand-in for the conversation trace"));
  EXPECT_THAT(run_and_catch(TraceAnalyzeOptions{.file = path}).out,
              StartsWith("STAND-IN TRACE: synthesised to be like the conversation trace, not real traffic\n"));
  EXPECT_THAT(run_and_catch(TraceAnalyzeOptions{.file = path, .json = true}).out, HasSubstr("\"stand_in_trace\": true"));
}

TEST_F(CommandTraceTest, SynthesizeRefusesWithCode2) {
  EXPECT_EQ(run_and_catch(TraceSynthesizeOptions{.like = "x", .requests = {}, .output = folder_ + "/t"}).code,
            ExitCode::bad_input);
  EXPECT_EQ(run_and_catch(TraceSynthesizeOptions{.like = "toolagent", .requests = 3, .output = "/no/such/folder/t"}).code,
            ExitCode::bad_input);
}

TEST_F(CommandTraceTest, FetchPrintsWhereTheFileIsAndFailsWithCode2AndTheAddress) {
  ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  const net::ServerForTest server({std::pair("/t", net::answer_with(kTwoRows))});
  const Printed fetched = run_and_catch(TraceFetchOptions{.workload = "synthetic", .url = server.url("/t")});
  EXPECT_EQ(fetched.code, ExitCode::success);
  EXPECT_EQ(fetched.out, folder_ + "/srtctl/traces/synthetic_trace.jsonl\n");
  EXPECT_THAT(run_and_catch(TraceFetchOptions{.workload = "synthetic", .url = {}}).err, HasSubstr("it was there already"));
  const Printed failed = run_and_catch(TraceFetchOptions{.workload = "mooncake", .url = server.url("/missing")});
  EXPECT_EQ(failed.code, ExitCode::bad_input);
  EXPECT_EQ(failed.out, "");
  EXPECT_THAT(failed.err,
              HasSubstr("cannot download " + server.url("/missing") + ": the server answered with HTTP status 404"));
  ::unsetenv("XDG_CACHE_HOME");
}

}  // namespace
}  // namespace infbench::cli
