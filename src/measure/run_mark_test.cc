#include "measure/run_mark.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace infbench::measure {
namespace {

namespace fs = std::filesystem;

std::string new_folder(const std::string& name) {
  const std::string folder = ::testing::TempDir() + "run_mark_" + std::to_string(::getpid()) + name;
  fs::remove_all(folder);
  return folder;
}

void put(const std::string& path) { std::ofstream(path) << "x\n"; }

TEST(RunMark, StandsUntilTheRunHasEnded) {
  const std::string folder = new_folder("stands") + "/a/b";
  EXPECT_EQ(run_state(folder), RunState::ended);
  {
    auto mark = RunMark::set(folder);
    ASSERT_TRUE(mark.has_value());
    EXPECT_EQ(run_state(folder), RunState::goes_on);
    const auto second = RunMark::set(folder);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().front().what, "another run is writing into this folder");
    EXPECT_EQ(run_state(folder), RunState::goes_on) << "to look at it takes nothing from it";
  }
  EXPECT_EQ(run_state(folder), RunState::cut_off);
  auto mark = RunMark::set(folder);
  ASSERT_TRUE(mark.has_value());
  EXPECT_TRUE(mark->clear().has_value());
  EXPECT_EQ(run_state(folder), RunState::ended);
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST(RunMark, FilesOfAnEarlierRunGoAndNoOthers) {
  const std::string folder = new_folder("earlier");
  fs::create_directories(folder + "/summary.json.d");
  for (const char* name : {"summary.json", "profile_export.jsonl", ".summary.json.aB3dE6", "mine.jsonl", "mine.csv",
                           ".mine.csv.Zz9Zz9", "recipe.yaml", "notes.csv", "my-summary.json", ".summary.json.long-one"}) {
    put(folder + "/" + name);
  }
  auto mark = RunMark::set(folder, "mine");
  ASSERT_TRUE(mark.has_value());
  for (const char* name :
       {"summary.json", "profile_export.jsonl", ".summary.json.aB3dE6", "mine.jsonl", "mine.csv", ".mine.csv.Zz9Zz9"}) {
    EXPECT_FALSE(fs::exists(folder + "/" + name)) << name;
  }
  for (const char* name : {"recipe.yaml", "notes.csv", "my-summary.json", ".summary.json.long-one", "summary.json.d"}) {
    EXPECT_TRUE(fs::exists(folder + "/" + name)) << name;
  }
}

// Works for whoever runs it: permissions do not bind root.
TEST(RunMark, AFolderThatCannotBeWritten) {
  put(new_folder("file"));
  const std::string file = ::testing::TempDir() + "run_mark_" + std::to_string(::getpid()) + "file";
  const auto below_a_file = RunMark::set(file + "/out");
  ASSERT_FALSE(below_a_file.has_value());
  EXPECT_EQ(below_a_file.error().front().what, "cannot create the output folder: Not a directory");
  const auto a_file = RunMark::set(file);
  ASSERT_FALSE(a_file.has_value());
  const auto read_only = RunMark::set("/proc");
  ASSERT_FALSE(read_only.has_value());
  EXPECT_TRUE(read_only.error().front().what.starts_with("cannot write into the output folder: "))
      << read_only.error().front().what;
}

}  // namespace
}  // namespace infbench::measure
