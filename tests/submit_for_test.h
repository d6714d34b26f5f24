// What tests of `submit --launcher local` share: the small recipe with its trace, a stand-in for the router, and the processes
// that a run has started, found by a mark in their environment. For tests only, one thread.
#pragma once

#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "process.h"
#include "srtctl.h"

namespace infbench::tests {

// Waits (without a limit of its own: ctest has one) until the condition holds.
inline void wait_until(const std::function<bool()>& condition) {
  while (!condition()) usleep(10'000);
}

class SubmitTest : public ::testing::Test {
 protected:
  SubmitTest() {
    std::filesystem::create_directories(folder_ + "/bin");
    for (const char* name : {"python", "python3"}) std::filesystem::create_symlink(ROUTER_STAND_IN, folder_ + "/bin/" + name);
    std::filesystem::create_directories(folder_ + "/traces");
    std::filesystem::create_symlink(small_trace(), folder_ + "/traces/conversation_trace.jsonl");
    write_text(folder_ + "/small.yaml", kSmallRecipe);
    environment_ = {"PATH=" + folder_ + "/bin:" + std::getenv("PATH"), "SRTCTL_TRACE_DIR=" + folder_ + "/traces", mark_};
  }
  ~SubmitTest() override {
    // The guard may need a moment when srtctl was killed; what it leaves would hang the test.
    wait_until([&] { return processes_with(mark_).empty(); });
  }

  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {SRTCTL, "submit", "-f", folder_ + "/small.yaml", "--launcher", "local", "-o", out()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Finished submit(const std::vector<std::string>& more = {}) const { return run_program(command(more), environment_); }

  std::string out() const { return folder_ + "/out"; }
  std::string status() const { return read_text(out() + "/status.json"); }
  void wait_for_phase(const std::string& phase) const {
    wait_until([&] { return status().find("\"phase\": \"" + phase + "\"") != std::string::npos; });
  }
  // The number of a worker's process.
  int worker(int index) const {
    std::vector<int> found;
    for (const int pid : processes_with(mark_)) {
      if (command_line_of(pid).find(std::string("\0serve\0", 7)) != std::string::npos) found.push_back(pid);
    }
    return found.at(static_cast<std::size_t>(index));
  }

  simdjson::dom::element result() {
    simdjson::dom::element document;
    text_ = simdjson::padded_string(read_text(out() + "/result.json"));
    EXPECT_EQ(parser_.parse(text_).get(document), simdjson::SUCCESS) << read_text(out() + "/result.json");
    return document;
  }
  std::string reason() { return std::string(std::string_view(result()["reason"])); }
  void expect_nothing_left() const { EXPECT_THAT(processes_with(mark_), ::testing::IsEmpty()); }

  const std::string folder_ = scratch_folder();
  const std::string mark_ = "SUBMIT_TEST=" + folder_;
  std::vector<std::string> environment_;
  simdjson::dom::parser parser_;
  simdjson::padded_string text_;
};

}  // namespace infbench::tests
