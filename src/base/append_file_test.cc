#include "base/append_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace infbench {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string new_path(const std::string& name) {
  std::string path = ::testing::TempDir() + "append_file_" + std::to_string(::getpid()) + name;
  ::unlink(path.c_str());
  return path;
}

// While it lives no file of this process may grow beyond so many bytes.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
    std::signal(SIGXFSZ, SIG_IGN);  // as the program has it
  }
  ~SizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST(AppendFile, IsThereWhileItGrows) {
  const std::string path = new_path("grows");
  {
    auto file = AppendFile::open(path, AppendFile::Older::kept);
    ASSERT_TRUE(file.has_value());
    file->write("one\n");
    EXPECT_EQ(read_text(path), "one\n");
    file->sync();
    EXPECT_EQ(file->problem(), "");
  }
  {
    auto file = AppendFile::open(path, AppendFile::Older::kept);
    ASSERT_TRUE(file.has_value());
    file->write("two\n");
    EXPECT_EQ(read_text(path), "one\ntwo\n");
  }
  auto file = AppendFile::open(path, AppendFile::Older::replaced);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(read_text(path), "");
}

TEST(AppendFile, WhatAKillLeftOfALineGoes) {
  const std::string path = new_path("torn");
  const std::string longer(200'000, 'x');
  for (const auto& [there, kept] : {std::pair<std::string, std::string>{"", ""},
                                    {"torn", ""},
                                    {"one\n", "one\n"},
                                    {"one\ntwo\nthr", "one\ntwo\n"},
                                    {"one\n" + longer, "one\n"},
                                    {longer, ""},
                                    {longer + "\n" + longer, longer + "\n"}}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << there;
    auto file = AppendFile::open(path, AppendFile::Older::kept);
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(read_text(path), kept);
    file->write("next\n");
    EXPECT_EQ(read_text(path), kept + "next\n");
  }
}

TEST(AppendFile, APieceThatDoesNotFitIsCutOffAndIsTheLast) {
  const std::string path = new_path("full");
  auto file = AppendFile::open(path, AppendFile::Older::replaced);
  ASSERT_TRUE(file.has_value());
  {
    const SizeLimit limit(100);
    file->write(std::string(79, 'a') + "\n");
    EXPECT_EQ(file->problem(), "");
    file->write(std::string(79, 'b') + "\n");  // the system takes 20 bytes of it
    EXPECT_EQ(file->problem(), "File too large");
    EXPECT_EQ(read_text(path), std::string(79, 'a') + "\n");
    file->write("c\n");
  }
  file->write("d\n");
  EXPECT_EQ(read_text(path), std::string(79, 'a') + "\n");
}

TEST(AppendFile, SaysWhatTheSystemSays) {
  auto full = AppendFile::open("/dev/full", AppendFile::Older::kept);
  ASSERT_TRUE(full.has_value());
  full->write("x\n");
  EXPECT_EQ(full->problem(), "No space left on device");
  auto null = AppendFile::open("/dev/null", AppendFile::Older::kept);
  ASSERT_TRUE(null.has_value());
  null->write("x\n");
  null->sync();
  EXPECT_EQ(null->problem(), "");
  const auto no = AppendFile::open("/proc/no/file", AppendFile::Older::kept);
  ASSERT_FALSE(no.has_value());
  EXPECT_EQ(no.error().front().what, "No such file or directory");
}

}  // namespace
}  // namespace infbench
