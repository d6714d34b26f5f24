// Who can reach the servers: each listens on the loopback address only, unless it is told otherwise. Read from what the kernel
// says of the processes' sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "process.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;

// "socket:[INODE]" of each.
std::set<std::string> sockets_of(int process) {
  std::set<std::string> inodes;
  std::error_code error;
  for (fs::directory_iterator at("/proc/" + std::to_string(process) + "/fd", error), end; !error && at != end;
       at.increment(error)) {
    const std::string target = fs::read_symlink(at->path(), error).string();
    constexpr std::string_view kStart = "socket:[";
    if (target.starts_with(kStart)) inodes.insert(target.substr(kStart.size(), target.size() - kStart.size() - 1));
  }
  return inodes;
}

// Addresses on which the process listens, in the kernel's own writing: 0100007F is 127.0.0.1, 00000000 all.
std::vector<std::string> listening(int process) {
  constexpr const char* kListens = "0A";
  const std::set<std::string> own = sockets_of(process);
  std::vector<std::string> addresses;
  for (const char* table : {"tcp", "tcp6"}) {
    std::istringstream lines(read_text("/proc/" + std::to_string(process) + "/net/" + table));
    std::string line;
    for (std::getline(lines, line); std::getline(lines, line);) {
      std::istringstream words(line);
      std::vector<std::string> columns;
      for (std::string word; words >> word;) columns.push_back(word);
      if (columns.size() < 10 || columns[3] != kListens || !own.contains(columns[9])) continue;
      addresses.push_back(columns[1].substr(0, columns[1].find(':')));
    }
  }
  return addresses;
}

struct Case {
  std::string name;
  std::vector<std::string> words;
  std::string ready;  // in the line that says so
  std::size_t ports;
};

TEST(Listening, OnLoopbackUnlessToldOtherwise) {
  constexpr const char* kLoopback = "0100007F";
  const std::vector<std::string> worker{"serve", "--port", "0", "--tp", "2"};
  const std::vector<std::string> gateway{
      "route", "--port", "0", "--prometheus-port", "0", "--worker-urls", "http://127.0.0.1:1"};
  const auto with = [](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::string events = R"({"publisher":"zmq","topic":"t","endpoint":"tcp://127.0.0.1:0"})";
  for (const Case& one :
       {Case{"serve", worker, " ready: ", 1}, Case{"serve, three", with(worker, {"--workers", "3"}), "worker 2 ready: ", 3},
        Case{"prefill", with(worker, {"--disaggregation-mode", "prefill", "--disaggregation-bootstrap-port", "0"}),
             " ready: ", 2},
        Case{"kv events", with(worker, {"--kv-events-config", events}), " ready: ", 2}, Case{"route", gateway, " ready", 2}}) {
    std::vector<std::string> words = one.words;
    words.insert(words.begin(), SRTCTL);
    Running program(words);
    ASSERT_FALSE(program.line_with(one.ready).empty()) << one.name << program.stop(SIGTERM).err;
    EXPECT_EQ(listening(program.id()), std::vector<std::string>(one.ports, kLoopback)) << one.name;
    program.stop(SIGTERM);
  }
  Running open({SRTCTL, "serve", "--port", "0", "--tp", "2", "--host", "0.0.0.0"});
  EXPECT_FALSE(open.line().empty());
  EXPECT_EQ(listening(open.id()), std::vector<std::string>{"00000000"}) << "that this test can tell";
}

}  // namespace
}  // namespace infbench::tests
