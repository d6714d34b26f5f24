// The output folder: all files or an error that names what could not be written.
#include "measure/artifacts.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "measure/example_for_test.h"
#include "measure/golden_for_test.h"
#include "measure/output_folder.h"
#include "measure/run_json.h"

namespace infbench::measure {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test.
class Artifacts : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "artifacts." + std::to_string(::getpid());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
    return names;
  }

  std::string folder_;
};

TEST_F(Artifacts, WritesAllFiles) {
  const RunResult run = example_run();
  const auto records = example_records();
  ASSERT_TRUE(write_artifacts(folder_ + "/a/b", run, records));
  folder_ += "/a/b";
  EXPECT_THAT(names(), testing::UnorderedElementsAre("profile_export_aiperf.json", "profile_export_aiperf.csv",
                                                     "profile_export.jsonl", "summary.json", "host.json"));
  EXPECT_EQ(read_text(folder_ + "/profile_export.jsonl"), read_text("src/measure/golden/profile_export.jsonl"));
  EXPECT_EQ(read_text(folder_ + "/summary.json"), read_text("src/measure/golden/summary.json"));
  EXPECT_EQ(read_text(folder_ + "/host.json"), host_json(run.cost));
  folder_.resize(folder_.size() - 4);
}

TEST_F(Artifacts, WritesManyRecordsInChunks) {
  std::vector<RequestRecord> records;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    records.push_back(example_success(i, i, i + 100, i + 200, 5, 0));
    records.back().input = 100;
  }
  RunResult run = example_run();
  run.summary = summarize(records, example_slo(), example_workers(), 4);
  ASSERT_TRUE(write_artifacts(folder_, run, records));
  const std::string lines = read_text(folder_ + "/profile_export.jsonl");
  EXPECT_GT(lines.size(), std::size_t{1} << 19U);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1000);
  EXPECT_NE(lines.find("\"session_num\":999,"), std::string::npos);
}

TEST_F(Artifacts, ReplacesAnOlderRun) {
  const RunResult run = example_run();
  ASSERT_TRUE(create_folder(folder_));
  std::ofstream(folder_ + "/summary.json") << "old";
  ASSERT_TRUE(write_artifacts(folder_, run, example_records()));
  EXPECT_EQ(read_text(folder_ + "/summary.json"), summary_json(run.info, run.summary));
}

TEST_F(Artifacts, NamesWhatCannotBeWritten) {
  ASSERT_TRUE(create_folder(folder_));
  std::ofstream(folder_ + "/file") << "in the way";
  const auto under_a_file = write_artifacts(folder_ + "/file", example_run(), example_records());
  ASSERT_FALSE(under_a_file);
  EXPECT_EQ(under_a_file.error().at(0).file, folder_ + "/file");
  EXPECT_FALSE(write_artifacts(folder_ + "/file/below", example_run(), example_records()));
  // A folder where a file should go.
  fs::create_directories(folder_ + "/out/summary.json/x");
  const auto result = write_artifacts(folder_ + "/out", example_run(), example_records());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().at(0).file, folder_ + "/out/summary.json");
  EXPECT_THAT(result.error().at(0).what, testing::StartsWith("cannot put the file in its place: "));
  folder_ += "/out";
  EXPECT_THAT(names(), testing::Not(testing::Contains(testing::StartsWith("summary.json."))));  // no leftover
  folder_.resize(folder_.size() - 4);
}

TEST_F(Artifacts, LeavesNothingBehindWithoutCommit) {
  ASSERT_TRUE(create_folder(folder_));
  {
    auto file = OutputFile::create(folder_ + "/x");
    ASSERT_TRUE(file);
    file->write("half");
    EXPECT_EQ(names().size(), 1U);
  }
  EXPECT_TRUE(names().empty());
  EXPECT_FALSE(OutputFile::create(folder_ + "/missing/x"));
}

}  // namespace
}  // namespace infbench::measure
