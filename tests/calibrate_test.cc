// srtctl calibrate as a program: what it prints and writes, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <csignal>
#include <filesystem>

#include "srtctl.h"

namespace infbench::tests {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRows = "data/validation/qwen3_32b_step_times.csv";

// Every 12th row of two deployments.
std::string some_rows(const std::string& folder) {
  const std::string all = read_text(std::string(SOURCE_DIR) + "/" + kRows);
  std::string some = all.substr(0, all.find('\n') + 1);
  int row = 0;
  for (std::size_t begin = some.size(); begin < all.size();) {
    const std::size_t end = all.find('\n', begin) + 1;
    const std::string line = all.substr(begin, end - begin);
    if ((line.starts_with("h200_sxm,2,") || line.starts_with("h100_sxm,4,vllm")) && row++ % 12 == 0) some += line;
    begin = end;
  }
  return write_text(folder + "/rows.csv", some);
}

double most(std::string_view json, const std::string& member) {
  simdjson::dom::parser parser;
  double most = 0;
  for (const simdjson::dom::element group : parser.parse(simdjson::padded_string(json))["groups"].get_array()) {
    most = std::max(most, double(group[member]));
  }
  return most;
}

TEST(Calibrate, WritesOneFileOrOneForEachDeploymentAndCheckReadsThem) {
  const std::string folder = scratch_folder();
  const std::string rows = some_rows(folder);
  const Finished together = srtctl({"calibrate", rows, "-o", folder + "/all.yaml"});
  ASSERT_EQ(together.exit_code, 0) << together.err;
  EXPECT_THAT(together.out,
              HasSubstr("| GPU       | TP | engine | kind    |  rows | fitted: MAPE % | p95 % | worst % | held out: MAPE %"));
  const Finished checked = srtctl({"calibrate", "--check", rows, "--data", folder + "/all.yaml", "--json"});
  ASSERT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_EQ(checked.err, "");
  EXPECT_LT(most(checked.out, "mape_pct"), 3);

  const Finished apart = srtctl({"calibrate", rows, "-o", folder + "/step_times/", "--json"});
  ASSERT_EQ(apart.exit_code, 0) << apart.err;
  EXPECT_TRUE(is_json(apart.out));
  for (const char* name : {"h200_sxm.tp2.sglang", "h200_sxm.tp2.vllm", "h100_sxm.tp4.vllm"}) {
    EXPECT_TRUE(std::filesystem::exists(folder + "/step_times/qwen3-32b.bf16." + name + ".yaml")) << name;
  }
  // A folder of data like the program's own.
  const Finished own = srtctl({"calibrate", "--check", rows, "--json"}, {"SRTCTL_DATA_DIR=" + folder});
  ASSERT_EQ(own.exit_code, 0) << own.err;
  EXPECT_EQ(own.out, checked.out);
}

TEST(Calibrate, ChecksTheShippedStepTimes) {
  const Finished table = srtctl({"calibrate", "--check", kRows});
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("| h200_sxm  |  2 | sglang | prefill |    35 |"));
  const Finished json = srtctl({"calibrate", "--check", kRows, "--json"});
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_LE(most(json.out, "mape_pct"), 3);
  EXPECT_LE(most(json.out, "p95_pct"), 8);
  EXPECT_LE(most(json.out, "worst_pct"), 12);
}

TEST(Calibrate, ChecksMeasuredRows) {
  const std::string rows = write_text(scratch_folder() + "/measured.csv",
                                      "backend,backend_version,tp_size,isl,osl,batch_size,silicon_ttft_ms,silicon_tpot_ms\n"
                                      "sglang,0.5.1,2.0,1024,128,16.0,840.8,16.5\nvllm,0.12.0,2.0,1024,128,8.0,154.2,18.0\n");
  const Finished run = srtctl({"calibrate", "--check-measured", rows, "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  simdjson::dom::parser parser;
  const auto document = parser.parse(simdjson::padded_string(run.out));
  int groups = 0;
  for (const simdjson::dom::element group : document["groups"].get_array()) {
    ++groups;
    EXPECT_EQ(std::string_view(group["system"]), "h100_sxm");
    EXPECT_EQ(std::int64_t(group["tp"]), 2);
    EXPECT_EQ(std::int64_t(group["n"]), 1);
    for (const char* name : {"ttft_mape_pct", "tpot_mape_pct"}) EXPECT_GE(double(group[name]), 0);
  }
  EXPECT_EQ(groups, 2);
  const Finished table = srtctl({"calibrate", "--check-measured", rows});
  EXPECT_THAT(table.out, HasSubstr("| h100_sxm  |  2 | sglang |     1 |"));
}

// What is measured of a server that runs twenty times as fast as time says nothing of its accuracy: that is tested in virtual
// time.
TEST(Calibrate, MeasuresAServer) {
  Running server({SRTCTL, "serve", "--port", "0", "--gpu", "h200", "--tp", "2", "--time-scale", "20"});
  const std::string ready = server.line();
  const std::size_t begin = ready.find("http://");
  ASSERT_NE(begin, std::string::npos) << ready;
  const std::string url = ready.substr(begin, ready.find(' ', begin) - begin);
  const std::string file = scratch_folder() + "/live.yaml";
  const Finished run =
      srtctl({"calibrate", "--url", url, "--gpu", "h200_sxm", "--tp", "2", "--time-scale", "20", "-o", file, "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("26 probes"));
  EXPECT_TRUE(is_json(run.out));
  EXPECT_THAT(read_text(file), HasSubstr("source: probes of a live server"));
  const Finished other = srtctl({"calibrate", "--url", url, "--model", "other", "--context", "2048", "-o", file});
  EXPECT_EQ(server.stop(SIGTERM).exit_code, 0);
  EXPECT_EQ(other.exit_code, 2);
}

TEST(Calibrate, RefusesWhatMakesNoSense) {
  const std::string folder = scratch_folder();
  const std::string bad = write_text(
      folder + "/bad.csv", "system,tp,backend,kind,bs,prefix,new,ctx,latency_ms\nh200_sxm,2,sglang,prefil,1,0,5,,1\n");
  const std::string few = write_text(
      folder + "/few.csv", "system,tp,backend,kind,bs,prefix,new,ctx,latency_ms\nh200_sxm,2,sglang,prefill,1,0,5,,1\n");
  struct Case {
    std::vector<std::string> arguments;
    std::string expected;
  };
  for (const Case& c :
       std::vector<Case>{{{"calibrate"}, "calibrate takes one of STEP_TIMES.csv, --url, --check and --check-measured"},
                         {{"calibrate", few, "--check", few}, "calibrate takes one of"},
                         {{"calibrate", few}, "calibrate needs -o"},
                         {{"calibrate", "--check", few, "-o", "x"}, "a check writes no file"},
                         {{"calibrate", "--check", "no-such.csv"}, "no-such.csv: cannot read the file"},
                         {{"calibrate", few, "-o", folder + "/x.yaml"}, "expected 24 or more rows to fit the step times"},
                         {{"calibrate", "--check", bad},
                          "bad.csv:2:19: expected 'kind' to be prefill, decode or mixed, found 'prefil'\n  "
                          "h200_sxm,2,sglang,prefil,1,0,5,,1\n                    ^"},
                         {{"calibrate", "--check", few, "--model", "Qwen/Qwen3-235B-A22B"},
                          "qwen3-235b-a22b.yaml:8:1: the engine model cannot estimate 'num_experts': mixture of experts"},
                         {{"calibrate", "--check-measured", few}, "expected a column 'isl'"}}) {
    const Finished run = srtctl(c.arguments);
    EXPECT_EQ(run.exit_code, 2) << c.expected;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, HasSubstr(c.expected));
  }
  EXPECT_FALSE(std::filesystem::exists(folder + "/x.yaml"));
}

TEST(Estimates, AreSaidInWhatSimulatePrints) {
  const Finished run =
      srtctl({"simulate", "-f", std::string(kAggregated), "--set", "model.path=hf:meta-llama/Llama-3.1-8B-Instruct", "--unset",
              "backend.sglang_config.aggregated.served-model-name", "--trace", small_trace()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("estimated from Qwen/Qwen3-32B"));
}

}  // namespace
}  // namespace infbench::tests
