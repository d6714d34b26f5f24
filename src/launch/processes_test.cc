#include "launch/processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "launch/log_tail.h"
#include "launch/port_block.h"
#include "launch/run_folder.h"
#include "net/loop_for_test.h"
#include "net/tcp.h"

namespace infbench::launch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string scratch() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string folder = ::testing::TempDir() + "launch_" + std::to_string(getpid()) + "_" + test->name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

plan::Command shell(const std::string& folder, const std::string& name, const std::string& script) {
  plan::Command command;
  command.name = name;
  command.argv = {"sh", "-c", script};
  command.launch_argv = command.argv;
  command.log = folder + "/" + name + ".out";
  return command;
}

// Also true for a moment after the end, until all that is left has been reaped by whoever inherited it.
bool group_lives(int group) { return ::kill(-group, 0) == 0; }

// The guard is one that has ended: what it would do is no part of these tests.
class ProcessesTest : public ::testing::Test {
 protected:
  ProcessesTest()
      : guard_(Guard::start("/bin/true").value()),
        processes_(std::make_unique<Processes>(loop_, guard_, [this](int process, Exit exit) {
          exits_[process] = exit;
          if (--wanted_ == 0) loop_.stop();
        })) {}

  void wait_for_exits(int count) {
    wanted_ = count;
    net::run_until_stopped(loop_);
  }
  // Until the file has something in it.
  std::string wait_for_text(const std::string& path) {
    for (int i = 0; i < 6000 && read_text(path).empty(); ++i) ::usleep(10'000);
    return read_text(path);
  }

  std::string folder_ = scratch();
  net::EventLoop loop_;
  Guard guard_;
  std::map<int, Exit> exits_;
  int wanted_ = 0;
  std::unique_ptr<Processes> processes_;
};

TEST_F(ProcessesTest, TellsHowEachEnded) {
  ASSERT_TRUE(processes_->start(0, shell(folder_, "zero", "echo out; echo err >&2; exit 0")));
  ASSERT_TRUE(processes_->start(1, shell(folder_, "three", "exit 3")));
  ASSERT_TRUE(processes_->start(2, shell(folder_, "killed", "kill -9 $$")));
  wait_for_exits(3);
  EXPECT_EQ(to_text(exits_[0]), "exited with code 0");
  EXPECT_EQ(to_text(exits_[1]), "exited with code 3");
  EXPECT_EQ(to_text(exits_[2]), "was killed by signal 9");
  EXPECT_EQ(read_text(folder_ + "/zero.out"), "out\nerr\n");
}

TEST_F(ProcessesTest, ASignalReachesTheWholeGroup) {
  ASSERT_TRUE(processes_->start(0, shell(folder_, "group", "sh -c 'echo $$; exec sleep 600' & wait")));
  const int inner = std::stoi(wait_for_text(folder_ + "/group.out"));
  processes_->signal(0, SIGTERM);
  wait_for_exits(1);
  EXPECT_EQ(exits_[0].signal, SIGTERM);
  for (int i = 0; i < 1000 && ::kill(inner, 0) == 0; ++i) ::usleep(10'000);
  EXPECT_NE(::kill(inner, 0), 0);
}

TEST_F(ProcessesTest, WhatALeaderLeavesBehindGoesWithIt) {
  ASSERT_TRUE(processes_->start(0, shell(folder_, "leader", "trap '' TERM; sleep 600 & echo $!; exit 0")));
  wait_for_exits(1);
  const int left = std::stoi(read_text(folder_ + "/leader.out"));
  for (int i = 0; i < 1000 && ::kill(left, 0) == 0; ++i) ::usleep(10'000);
  EXPECT_NE(::kill(left, 0), 0);
}

TEST_F(ProcessesTest, ItsEndIsTheEndOfAll) {
  ASSERT_TRUE(processes_->start(0, shell(folder_, "deaf", "trap '' TERM INT; echo $$; while :; do sleep 1; done")));
  const int group = std::stoi(wait_for_text(folder_ + "/deaf.out"));
  EXPECT_TRUE(group_lives(group));
  processes_.reset();
  for (int i = 0; i < 1000 && group_lives(group); ++i) ::usleep(10'000);
  EXPECT_FALSE(group_lives(group));
}

TEST_F(ProcessesTest, EnvironmentAndMark) {
  plan::Command command = shell(folder_, "env", "echo \"$A|$HOME|$SRTCTL_RUN\"");
  command.environment = {{"A", "x y"}, {"HOME", "/elsewhere"}};
  ASSERT_TRUE(processes_->start(0, command));
  wait_for_exits(1);
  EXPECT_EQ(read_text(folder_ + "/env.out"), "x y|/elsewhere|" + guard_.run_id() + "\n");
}

TEST_F(ProcessesTest, WhatCannotBeStarted) {
  plan::Command missing = shell(folder_, "missing", "");
  missing.launch_argv = {"/no/such/program"};
  missing.argv = missing.launch_argv;
  const auto started = processes_->start(0, missing);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().front().what, HasSubstr("/no/such/program: No such file or directory"));
  const auto no_log = processes_->start(1, shell(folder_ + "/nowhere", "x", "exit 0"));
  ASSERT_FALSE(no_log);
  EXPECT_THAT(no_log.error().front().what, HasSubstr("cannot open the log"));
}

TEST_F(ProcessesTest, AnSrunHasALogOfItsOwn) {
  plan::Command command = shell(folder_, "w0", "echo from srun >&2");
  command.argv = {"python3"};
  ASSERT_TRUE(processes_->start(0, command));
  wait_for_exits(1);
  EXPECT_EQ(read_text(folder_ + "/w0.srun.err"), "from srun\n");
}

TEST(PortBlock, TwoRunsNeverShareAPort) {
  std::vector<PortBlock> blocks;
  std::set<int> ports;
  for (const int count : {60, 10, 100}) {
    auto block = PortBlock::take(count, "127.0.0.1");
    ASSERT_TRUE(block) << format_errors(block.error());
    for (int port = block->base(); port < block->base() + count; ++port) EXPECT_TRUE(ports.insert(port).second) << port;
    blocks.push_back(*std::move(block));
  }
  const int first = blocks.front().base();
  blocks.clear();
  const auto again = PortBlock::take(60, "127.0.0.1");
  ASSERT_TRUE(again);
  EXPECT_LE(again->base(), first) << "what was given back can be taken again";
}

TEST(PortBlock, APortThatSomebodyHasIsSteppedOver) {
  auto block = PortBlock::take(10, "127.0.0.1");
  ASSERT_TRUE(block);
  const int taken = block->base() + 3;
  net::EventLoop loop;
  auto listener = net::Listener::open(loop, "127.0.0.1", taken, [](auto) {});
  ASSERT_TRUE(listener);
  { const PortBlock given_back = *std::move(block); }
  const auto other = PortBlock::take(10, "127.0.0.1");
  ASSERT_TRUE(other);
  EXPECT_TRUE(taken < other->base() || taken >= other->base() + 10);
}

TEST(RunFolder, NewOnesNeverMeet) {
  const std::string parent = scratch();
  const auto first = RunFolder::create_new(parent, "a recipe/../x", 1'700'000'000'000);
  const auto second = RunFolder::create_new(parent, "a recipe/../x", 1'700'000'000'000);
  ASSERT_TRUE(first && second);
  EXPECT_THAT(first->name(), HasSubstr("-a-recipe-..-x"));
  EXPECT_EQ(second->name(), first->name() + "-2");
  EXPECT_TRUE(std::filesystem::is_directory(first->file("logs")));
}

TEST(RunFolder, OneThatIsUsedIsNotUsedAgain) {
  const std::string path = scratch() + "/run";
  const auto folder = RunFolder::create(path, false);
  ASSERT_TRUE(folder);
  ASSERT_TRUE(RunFolder::create(path, false)) << "nothing has run in it yet";
  ASSERT_TRUE(folder->write("status.json", "{}"));
  const auto again = RunFolder::create(path, false);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().front().what, HasSubstr("has a run in it already"));
  EXPECT_TRUE(RunFolder::create(path, true));
}

TEST(RunFolder, AStatusComesBackAsItWas) {
  const RunStatus status{.job = "7",
                         .launcher = "local",
                         .recipe = "r \"q\"",
                         .phase = "waiting",
                         .waiting_for = "w0",
                         .pid = 12,
                         .host = "h",
                         .started_ms = 5,
                         .ended_ms = 9,
                         .exit_code = 4,
                         .reason = "why"};
  const auto back = parse_status(to_json(status));
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), to_json(status));
  RunStatus running = status;
  running.ended_ms.reset();
  running.exit_code.reset();
  const auto still = parse_status(to_json(running));
  ASSERT_TRUE(still);
  EXPECT_FALSE(still->ended_ms || still->exit_code);
  EXPECT_FALSE(parse_status("[]"));
}

TEST(Logs, LastLinesAndNewLines) {
  const std::string path = scratch() + "/log";
  EXPECT_EQ(last_lines(path, 3), "");
  LogTail tail(path);
  EXPECT_THAT(tail.new_lines(), IsEmpty());
  std::ofstream(path) << "one\ntwo\nthr";
  EXPECT_EQ(last_lines(path, 2), "two\nthr");
  EXPECT_EQ(last_lines(path, 20), "one\ntwo\nthr");
  EXPECT_THAT(tail.new_lines(), ElementsAre("one", "two"));
  std::ofstream(path, std::ios::app) << "ee\r\nfour\n";
  EXPECT_THAT(tail.new_lines(), ElementsAre("three", "four"));
  EXPECT_THAT(tail.new_lines(), IsEmpty());
}

}  // namespace
}  // namespace infbench::launch
