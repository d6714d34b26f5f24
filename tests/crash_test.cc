// kill -9 at any moment: of the client, of the program that runs a deployment, of its whole process group. What had ended can
// be read, the folder says that its run has not ended, no process is left, and the next run starts clean.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "live/gateway_sockets_for_test.h"
#include "submit_for_test.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;
using live::test::eventually;
using live::test::get_text;
using live::test::RawClient;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kMoments = 20;
constexpr int kRequests = 300;

// All whole lines are JSON. Only the last one may lack its end.
void expect_whole_lines(const std::string& file) {
  std::string text = read_text(file);
  text.resize(text.rfind('\n') + 1);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_TRUE(is_json(text.substr(begin, end - begin))) << file << " at " << begin;
    begin = end + 1;
  }
}

// Every file that is written as a whole is whole.
void expect_whole_files(const std::string& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.filename().string().starts_with(".")) continue;  // a part of one, under the name that it had meanwhile
    if (path.extension() == ".json") {
      EXPECT_TRUE(is_json(read_text(path))) << path;
    }
    if (path.extension() == ".jsonl" && path.filename() != "trace.jsonl") expect_whole_lines(path);
  }
}

std::vector<std::string> replay_words(const std::string& url, const std::string& folder) {
  return {SRTCTL,
          "replay",
          "-m",
          "Qwen/Qwen3-32B",
          "--url",
          url,
          "--streaming",
          "--ui",
          "none",
          "--synthetic",
          "isl=64,osl=20",
          "--concurrency",
          "8",
          "--request-count",
          std::to_string(kRequests),
          "--max-lag-ms",
          "60000",
          "--artifact-dir",
          folder};
}

std::vector<std::string> serve_words() {
  return {SRTCTL, "serve", "--port", "0", "--gpu", "h200", "--tp", "2", "--page-size", "64", "--time-scale", "50"};
}

TEST(Crash, AClientKilledAtAnyMoment) {
  Running server(serve_words());
  const std::string url = url_in(server.line());
  const int port = std::stoi(url.substr(url.rfind(':') + 1));
  const std::string folder = scratch_folder() + "/out";
  const std::string records = folder + "/profile_export.jsonl";
  std::mt19937 draw(20261123);
  int cut_off = 0;
  for (int moment = 0; moment < kMoments; ++moment) {
    SCOPED_TRACE(moment);
    const std::size_t lines = draw() % kRequests;  // the moment: when so many requests have ended, and a little later
    const auto later = static_cast<useconds_t>(draw() % 3000);
    fs::remove(records);
    Running client(replay_words(url, folder), {}, Group::own);
    EXPECT_TRUE(eventually([&] { return lines_of(read_text(records)) >= lines; }));
    usleep(later);
    client.stop_group(SIGKILL);
    const Finished report = srtctl({"report", folder});
    if (fs::exists(folder + "/INCOMPLETE")) {
      ++cut_off;
      EXPECT_EQ(report.exit_code, 2);
      EXPECT_THAT(report.err, HasSubstr("incomplete: this run was cut off"));
      EXPECT_GE(lines_of(read_text(records)), lines);
    } else if (fs::exists(folder + "/summary.json")) {
      EXPECT_EQ(lines_of(read_text(records)), kRequests);
      EXPECT_EQ(report.exit_code, 0) << report.err;
    }
    if (fs::exists(folder)) expect_whole_files(folder);
    EXPECT_TRUE(eventually([&] {
      RawClient asking(port);
      asking.send(get_text("/get_load"));
      return asking.read_answer().find("\"num_reqs\":0") != std::string::npos;
    })) << "the server goes on with requests of a client that has gone";
  }
  EXPECT_GE(cut_off, kMoments / 2);
  const Finished next = run_program(replay_words(url, folder));
  EXPECT_EQ(next.exit_code, 0) << next.err;
  EXPECT_EQ(lines_of(read_text(records)), kRequests) << "and nothing of the runs before";
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_THAT(entry.path().filename().string(), Not(AnyOf("INCOMPLETE", ::testing::StartsWith("."))));
  }
  EXPECT_EQ(srtctl({"report", folder}).exit_code, 0);
  EXPECT_EQ(server.stop(SIGTERM).exit_code, 0);
}

TEST(Crash, APartOfALineIsNoRecord) {
  Running server(serve_words());
  const std::string folder = scratch_folder() + "/out";
  ASSERT_EQ(run_program(replay_words(url_in(server.line()), folder)).exit_code, 0);
  const std::string records = read_text(folder + "/profile_export.jsonl");
  const std::size_t last = records.rfind('\n', records.size() - 2) + 1;
  for (const std::size_t size : {last + 1, last + 10, (last + records.size()) / 2, records.size() - 2}) {
    write_text(folder + "/profile_export.jsonl", records.substr(0, size));
    const Finished report = srtctl({"report", folder});
    EXPECT_EQ(report.exit_code, 0) << report.err;
  }
  write_text(folder + "/INCOMPLETE", "");
  const Finished report = srtctl({"report", folder});
  EXPECT_EQ(report.exit_code, 2);
  EXPECT_THAT(report.err, HasSubstr("profile_export.jsonl has " + std::to_string(kRequests - 1) + " requests that ended"));
}

class CrashTest : public SubmitTest {
 protected:
  // A run of about a second.
  std::vector<std::string> words() const {
    return command({"--set", "frontend.type=srtctl", "--unset", "frontend.args.policy", "--set", "benchmark.limit_seconds=5",
                    "--set", "benchmark.speed=10"});
  }

  void kill_at_moments(unsigned seed, bool whole_group) {
    const std::vector<std::string> phases = {"starting", "waiting", "warm-up", "flush", "measuring", "measuring", "teardown"};
    std::mt19937 draw(seed);
    for (int moment = 0; moment < kMoments; ++moment) {
      const std::size_t phase = draw() % phases.size();
      SCOPED_TRACE(phases[phase]);
      const auto later = static_cast<useconds_t>(draw() % 100'000);
      Running run(words(), environment_, Group::own);
      // The phase may be too short to be seen.
      wait_until([&] {
        const std::string now = status();
        return std::any_of(
                   phases.begin() + static_cast<std::ptrdiff_t>(phase), phases.end(),
                   [&](const std::string& name) { return now.find("\"phase\": \"" + name + "\"") != std::string::npos; }) ||
               now.find("\"phase\": \"ended\"") != std::string::npos;
      });
      usleep(later);
      whole_group ? run.stop_group(SIGKILL) : run.stop(SIGKILL);
      wait_until([&] { return processes_with(mark_).empty(); });
      expect_lost_run();
      fs::remove_all(out());
    }
  }

  void expect_lost_run() const {
    expect_whole_files(out());
    if (status().find("\"phase\": \"ended\"") != std::string::npos) return;
    const Finished report = srtctl({"report", out()});
    EXPECT_EQ(report.exit_code, 2);
    EXPECT_THAT(report.err, HasSubstr("incomplete: this run was lost while "));
    EXPECT_THAT(srtctl({"status", out()}).out, HasSubstr("lost while "));
    const Finished again = run_program(words(), environment_);
    EXPECT_EQ(again.exit_code, 3);
    EXPECT_THAT(again.err, HasSubstr("has a run in it already"));
  }

  void expect_next_run_is_clean() const {
    const Finished next = run_program(words(), environment_);
    EXPECT_THAT(next.exit_code, AnyOf(0, 6)) << next.out << next.err;  // 6: the machine was too busy to send in time
    EXPECT_THAT(status(), HasSubstr("\"phase\": \"ended\""));
    EXPECT_EQ(srtctl({"report", out()}).exit_code, 0);
    expect_nothing_left();
  }
};

TEST_F(CrashTest, SubmitKilledAtAnyMoment) {
  kill_at_moments(1, false);
  expect_next_run_is_clean();
}

TEST_F(CrashTest, SubmitsWholeGroupKilledAtAnyMoment) {
  kill_at_moments(2, true);
  expect_next_run_is_clean();
}

// ---- Full disks and folders that cannot be written, for whoever runs the test: permissions do not bind root

// The program with a limit of the size of files (`ulimit -f`, 512 bytes each). What it prints goes through a pipe, that has no
// such limit: `out` and `err` are both all of it.
Finished run_limited(int blocks, const std::vector<std::string>& words, const std::vector<std::string>& environment = {}) {
  std::vector<std::string> all = {
      "/bin/sh", "-c", "{ (ulimit -f " + std::to_string(blocks) + " && exec \"$@\"); echo \"ended: $?\"; } 2>&1 | cat", "sh"};
  all.insert(all.end(), words.begin(), words.end());
  Finished finished = run_program(all, environment);
  const std::size_t end = finished.out.rfind("ended: ");
  finished.exit_code = end == std::string::npos ? -1 : std::stoi(finished.out.substr(end + 7));
  finished.err = finished.out;
  return finished;
}

std::vector<std::string> simulate_words(const std::string& folder) {
  return {SRTCTL, "simulate", "-f", std::string(kAggregated), "--trace", small_trace(), "-o", folder};
}

TEST(FullDisk, AClientSaysSoBeforeItSends) {
  Running server(serve_words());
  const std::string url = url_in(server.line());
  const int port = std::stoi(url.substr(url.rfind(':') + 1));
  const std::string folder = scratch_folder();
  write_text(folder + "/file", "x");
  const std::vector<std::pair<std::string, std::string>> folders = {
      {folder + "/file", "cannot create the output folder"},
      {folder + "/file/out", "cannot create the output folder: Not a directory"},
      {"/proc", "cannot write into the output folder"}};
  for (const std::string level : {"records", "summary"}) {
    const auto words = [&](const std::string& out) {
      std::vector<std::string> all = replay_words(url, out);
      all.insert(all.end(), {"--export-level", level});
      return all;
    };
    for (const auto& [out, said] : folders) {
      const Finished run = run_program(words(out));
      EXPECT_EQ(run.exit_code, 2) << run.err;
      EXPECT_THAT(run.err, HasSubstr(said));
    }
    const Finished full = run_limited(0, words(folder + "/out"));
    EXPECT_EQ(full.exit_code, 2) << full.err;
    EXPECT_THAT(full.err, HasSubstr("cannot write the file: File too large"));
  }
  RawClient asking(port);
  asking.send(get_text("/metrics"));
  EXPECT_THAT(asking.read_answer(), HasSubstr("num_requests_total{engine_type=\"unified\",model_name=\"Qwen/Qwen3-32B\"} 0.0"));
}

TEST(FullDisk, WhatFillsUpLaterLeavesWholeLinesAndNoSummary) {
  Running server(serve_words());
  const std::string url = url_in(server.line());
  const std::string folder = scratch_folder() + "/out";
  const Finished run = run_limited(50, replay_words(url, folder));
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("profile_export.jsonl: cannot write the file: File too large"));
  EXPECT_THAT(run.err, HasSubstr("records cannot be written any more"));
  EXPECT_THAT(run.out, HasSubstr("goodput")) << "the figures are shown all the same";
  const std::string records = read_text(folder + "/profile_export.jsonl");
  EXPECT_GT(lines_of(records), 1U);
  EXPECT_LT(lines_of(records), kRequests);
  EXPECT_TRUE(records.ends_with("\n"));
  expect_whole_files(folder);
  EXPECT_FALSE(fs::exists(folder + "/summary.json"));
  EXPECT_THAT(srtctl({"report", folder}).err, HasSubstr("incomplete: this run was cut off"));
  // Files that are written as a whole: there or not, and never a part.
  std::vector<std::string> summary = replay_words(url, folder);
  summary.insert(summary.end(), {"--export-level", "summary"});
  const Finished whole = run_limited(10, summary);
  EXPECT_EQ(whole.exit_code, 2) << whole.out;
  EXPECT_THAT(whole.err, HasSubstr("cannot write the file: File too large"));
  expect_whole_files(folder);
  EXPECT_TRUE(fs::exists(folder + "/INCOMPLETE"));
  EXPECT_EQ(run_program(summary).exit_code, 0) << "and then there is room again";
  EXPECT_FALSE(fs::exists(folder + "/INCOMPLETE"));
}

TEST(FullDisk, Simulate) {
  const std::string folder = scratch_folder();
  write_text(folder + "/file", "x");
  const Finished below_a_file = run_program(simulate_words(folder + "/file/out"));
  EXPECT_EQ(below_a_file.exit_code, 2);
  EXPECT_THAT(below_a_file.err, HasSubstr("cannot create the output folder: Not a directory"));
  const Finished none = run_limited(0, simulate_words(folder + "/none"));
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("cannot write the file: File too large"));
  const Finished some = run_limited(20, simulate_words(folder + "/some"));
  EXPECT_EQ(some.exit_code, 2);
  EXPECT_THAT(some.err, HasSubstr("profile_export.jsonl: cannot write the file: File too large"));
  expect_whole_files(folder + "/some");
  EXPECT_EQ(srtctl({"report", folder + "/some"}).exit_code, 2);
  EXPECT_EQ(run_program(simulate_words(folder + "/some")).exit_code, 0);
  EXPECT_EQ(srtctl({"report", folder + "/some"}).exit_code, 0);
}

TEST_F(CrashTest, AFullDiskIsToldBeforeAnythingIsStarted) {
  write_text(folder_ + "/file", "x");
  const Finished none = run_limited(0, words(), environment_);
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("status.json: cannot write the file: File too large"));
  fs::remove_all(out());
  write_text(out(), "x");
  const Finished file = run_program(words(), environment_);
  EXPECT_EQ(file.exit_code, 3);
  EXPECT_THAT(file.err, HasSubstr("cannot make the folder"));
  fs::remove(out());
  expect_next_run_is_clean();
}

}  // namespace
}  // namespace infbench::tests
