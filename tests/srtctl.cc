#include "srtctl.h"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace infbench::tests {

Finished srtctl(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  std::vector<std::string> argv = {SRTCTL};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_program(argv, environment);
}

std::string srtctl_of_preset(std::string_view preset) {
  return std::string(SOURCE_DIR) + "/build/" + std::string(preset) + "/srtctl";
}

std::string scratch_folder() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = test == nullptr ? "shared" : std::string(test->test_suite_name()) + "." + test->name();
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("infbench_" + std::to_string(getpid()) + "_" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder.string();
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

const std::string& small_trace() {
  static const std::string path = [] {
    std::string file = ::testing::TempDir() + "infbench_" + std::to_string(getpid()) + "_trace.jsonl";
    const Finished made = srtctl({"trace", "synthesize", "--like", "conversation", "--requests", "400", "-o", file});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return file;
  }();
  return path;
}

std::size_t lines_of(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

bool is_json(std::string_view text) {
  simdjson::dom::parser parser;
  return parser.parse(simdjson::padded_string(text)).error() == simdjson::SUCCESS;
}

std::string without_timings(std::string_view json) {
  std::string out(json);
  for (const std::string_view key : {"\"wall_s\":", "\"cpu_s\":"}) {
    for (std::size_t at = out.find(key); at != std::string::npos; at = out.find(key, at + 1)) {
      const std::size_t begin = at + key.size();
      out.erase(begin, out.find_first_of(",}\n", begin) - begin);
    }
  }
  return out;
}

}  // namespace infbench::tests
