// Golden files: what the code writes is held against a file in the repository. Run a test with UPDATE_GOLDEN=1 to write them
// anew, then read the difference before it is committed. For tests only, run from the project's root.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace infbench {

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline void expect_golden(const std::string& path, const std::string& text) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  ASSERT_TRUE(std::ifstream(path).good()) << "no golden file " << path;
  EXPECT_EQ(text, read_text(path)) << path;
}

}  // namespace infbench
