// Slurm's programs are played by shell scripts in a folder at the front of $PATH: what they are asked is written down, what
// they answer is the text that Slurm 22.05 gave. The real ones: tests/peers/test_slurm.py.
#include "launch/slurm.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/run_tool.h"
#include "launch/slurm_nodes.h"

namespace infbench::launch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A folder with programs that play Slurm.
class Slurm : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "slurm_test." + test->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/bin");
    path_ = std::getenv("PATH");
    setenv("PATH", (folder_ + "/bin:" + path_).c_str(), 1);
  }
  void TearDown() override { setenv("PATH", path_.c_str(), 1); }

  // `script` is a body for sh; what the program is asked goes to asked().
  void play(const std::string& program, const std::string& script) {
    const std::string file = folder_ + "/bin/" + program;
    std::ofstream(file) << "#!/bin/sh\necho " << program << " \"$@\" >>" << folder_ << "/asked\n" << script << "\n";
    chmod(file.c_str(), 0755);
  }
  std::string asked() const { return read_text(folder_ + "/asked"); }
  std::string outputs() const { return folder_ + "/outputs"; }

  std::string folder_;
  std::string path_;
};

std::string shown(const std::string& state, const std::string& reason, const std::string& code, const std::string& end) {
  return "cat <<'END'\nJobId=7 JobName=x JobState=COMPLETED\n   UserId=root(0)\n   JobState=" + state + " Reason=" + reason +
         " Dependency=(null)\n   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=" + code +
         "\n   StartTime=1795432557 EndTime=" + end + " Deadline=N/A\n   NodeList=node[0-1]\n   WorkDir=/a ExitCode=9:9\nEND";
}

TEST(RunTool, GivesWhatAProgramPrintsAndHowItEnds) {
  const auto both = run_tool({"sh", "-c", "cat; echo there >&2; exit 3"}, {.input = "here"});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->out, "here");
  EXPECT_EQ(both->err, "there\n");
  EXPECT_EQ(both->exit_code, 3);
  EXPECT_EQ(run_tool({"sh", "-c", "kill -9 $$"})->exit_code, 137);
  EXPECT_EQ(run_tool({"printf", "%s", "a b;$c"})->out, "a b;$c") << "no shell in between";
  EXPECT_EQ(run_tool({"head", "-c", "300000", "/dev/zero"})->out.size(), 300000U);

  const auto missing = run_tool({"no-such-program"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().front().what, "cannot start no-such-program: No such file or directory");
  const auto late = run_tool({"sleep", "1000"}, {.limit = milliseconds(1)});
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().front().what, HasSubstr("sleep did not end within"));
}

TEST_F(Slurm, AJobIsHeldUntilItsFolderIsThere) {
  play("sbatch", "cat >" + folder_ + "/script; echo 'welcome to the cluster'; echo '12345;test'");
  play("scontrol", "ls " + outputs() + "/12345 >>" + folder_ + "/asked");
  const auto job = submit_job({.script = "#!/bin/bash\n", .outputs_dir = outputs(), .files = {{"recipe.yaml", "name: x\n"}}});
  ASSERT_TRUE(job) << format_errors(job.error());
  EXPECT_EQ(*job, "12345");
  EXPECT_EQ(asked(), "sbatch --parsable --hold\nscontrol release 12345\nbatch.sh\nrecipe.yaml\n");
  EXPECT_EQ(read_text(folder_ + "/script"), "#!/bin/bash\n");
  EXPECT_EQ(read_text(outputs() + "/12345/batch.sh"), "#!/bin/bash\n");
  EXPECT_EQ(read_text(outputs() + "/12345/recipe.yaml"), "name: x\n");
}

TEST_F(Slurm, AJobThatCannotHaveItsFolderIsCancelled) {
  play("sbatch", "echo 12345");
  play("scontrol", shown("PENDING", "JobHeldUser", "0:0", "Unknown"));
  play("scancel", "");
  std::filesystem::create_directories(outputs() + "/12345");
  const auto job = submit_job({.script = "#!/bin/bash\n", .outputs_dir = outputs(), .files = {}});
  ASSERT_FALSE(job);
  EXPECT_THAT(job.error().front().what, HasSubstr("outputs/12345 is there already"));
  EXPECT_THAT(asked(), HasSubstr("\nscancel 12345\n"));
}

TEST_F(Slurm, WhatSbatchSaysIsShown) {
  play("sbatch", "echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1");
  const auto job = submit_job({.script = "#!/bin/bash\n", .outputs_dir = outputs(), .files = {}});
  ASSERT_FALSE(job);
  EXPECT_THAT(format_errors(job.error()), HasSubstr("sbatch: error: invalid partition specified: nope"));
  EXPECT_FALSE(std::filesystem::exists(outputs()));
}

TEST_F(Slurm, StatesOfAJob) {
  struct Case {
    std::string answer, state, reason;
    bool ended;
    std::optional<int> exit_code;
    std::optional<std::int64_t> end_time_s;
  };
  const std::vector<Case> cases = {
      {shown("PENDING", "Resources", "0:0", "Unknown"), "PENDING", "Resources", false, {}, {}},
      {shown("RUNNING", "None", "0:0", "1795432677"), "RUNNING", "", false, {}, 1795432677},
      {shown("COMPLETED", "None", "0:0", "1795432600"), "COMPLETED", "", true, 0, 1795432600},
      {shown("FAILED", "NonZeroExitCode", "4:0", "1795432600"), "FAILED", "NonZeroExitCode", true, 4, 1795432600},
      {shown("CANCELLED", "None", "0:15", "1795432600"), "CANCELLED", "", true, 143, 1795432600},
  };
  for (const Case& c : cases) {
    play("scontrol", c.answer);
    const auto job = job_state("7");
    ASSERT_TRUE(job && *job) << c.state;
    EXPECT_EQ((*job)->state, c.state);
    EXPECT_EQ((*job)->reason, c.reason);
    EXPECT_EQ((*job)->nodes, "node[0-1]");
    EXPECT_EQ((*job)->ended(), c.ended) << c.state;
    EXPECT_EQ((*job)->exit_code, c.exit_code) << c.state;
    EXPECT_EQ((*job)->end_time_s, c.end_time_s) << c.state;
  }
  play("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
  const auto unknown = job_state("7");
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(unknown->has_value());
  play("scontrol", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
  const auto silent = job_state("7");
  ASSERT_FALSE(silent);
  EXPECT_THAT(silent.error().front().what, HasSubstr("Unable to contact slurm controller"));
}

TEST_F(Slurm, CancellingDependsOnWhatTheJobDoes) {
  play("scancel", "");
  struct Case {
    std::string state;
    Cancel how;
    std::string expected;
  };
  const std::vector<Case> cases = {{"RUNNING", Cancel::gently, "scancel --batch --signal=TERM 7\n"},
                                   {"RUNNING", Cancel::at_once, "scancel 7\n"},
                                   {"PENDING", Cancel::gently, "scancel 7\n"},
                                   {"COMPLETED", Cancel::gently, ""}};
  for (const Case& c : cases) {
    std::filesystem::remove(folder_ + "/asked");
    play("scontrol", shown(c.state, "None", "0:0", "Unknown"));
    EXPECT_TRUE(cancel_job("7", c.how));
    EXPECT_EQ(asked(), "scontrol show job 7\n" + c.expected);
  }
}

TEST_F(Slurm, StepsThatWereThereBeforeStay) {
  play("squeue",
       "[ -e " + folder_ +
           "/killed ] || printf '7.1 node0_agg_w0\\n7.2 a b\\n'; printf '7.batch batch\\n7.extern extern\\n'; echo '7.0 bash'");
  play("scancel", "touch " + folder_ + "/killed");
  const auto steps = running_steps("7");
  ASSERT_TRUE(steps);
  ASSERT_EQ(steps->size(), 3U);
  EXPECT_EQ((*steps)[1].name, "a b");
  EXPECT_TRUE(end_steps("7", {(*steps)[2]}));
  EXPECT_THAT(asked(), HasSubstr("scancel --quiet --signal=9 7.1 7.2\n"));

  play("scancel", "echo 'scancel: error: Kill job error on job id 7.1: Invalid job id specified' >&2; exit 1");
  EXPECT_TRUE(signal_steps({(*steps)[0]}, SIGTERM)) << "it has ended meanwhile";
}

TEST_F(Slurm, TheAllocation) {
  unsetenv("SLURM_JOB_ID");
  EXPECT_FALSE(in_allocation());
  ASSERT_FALSE(find_allocation());
  setenv("SLURM_JOB_ID", "7", 1);
  setenv("SLURM_JOB_NODELIST", "node[0-1]", 1);
  play("scontrol", "if [ $2 = hostnames ]; then printf 'node0\\nnode1\\n'; exit; fi\n" + shown("RUNNING", "None", "0:0", "99"));
  const auto allocation = find_allocation();
  ASSERT_TRUE(allocation) << format_errors(allocation.error());
  EXPECT_EQ(allocation->job, "7");
  EXPECT_THAT(allocation->nodes, ElementsAre("node0", "node1"));
  EXPECT_EQ(allocation->end_time_s, 99);
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_JOB_NODELIST");
}

TEST_F(Slurm, NodesAnswerInAnyOrder) {
  play(
      "srun",
      R"(echo 'a banner'; echo '{"node":"b","address":"10.0.0.2"}'; echo '{"node":"a","address":"10.0.0.1","gpus":["H200"]}')");
  const Allocation allocation{.job = "7", .nodes = {"a", "b"}, .end_time_s = {}};
  const auto facts = ask_nodes(allocation, "/bin/srtctl", "ib0");
  ASSERT_TRUE(facts) << format_errors(facts.error());
  EXPECT_EQ(asked(),
            "srun --jobid 7 --overlap --job-name node-facts --nodes 2 --ntasks 2 --ntasks-per-node 1 --kill-on-bad-exit=1 "
            "/bin/srtctl node-facts --interface ib0\n");
  const auto inventory = inventory_of(*facts, {});
  ASSERT_EQ(inventory.nodes.size(), 2U);
  EXPECT_EQ(inventory.nodes[0].name, "a");
  EXPECT_EQ(inventory.nodes[0].address, "10.0.0.1");
  EXPECT_THAT((*facts)[0].gpus, ElementsAre("H200"));
  recipe::Cluster shared;
  shared.shared_host = true;
  EXPECT_EQ(inventory_of(*facts, shared).nodes[1].address, "127.0.0.1");

  play("srun", "echo '{\"node\":\"b\",\"address\":\"10.0.0.2\"}'");
  const auto one = ask_nodes(allocation, "/bin/srtctl", "");
  ASSERT_FALSE(one);
  EXPECT_THAT(one.error().front().what, HasSubstr("node a did not say its address"));
}

TEST_F(Slurm, FactsOfThisMachine) {
  play("nvidia-smi", "printf 'NVIDIA H200, 550.54.15\\nNVIDIA H200, 550.54.15\\n'");
  const auto facts = own_node_facts("lo");
  ASSERT_TRUE(facts) << format_errors(facts.error());
  EXPECT_EQ(facts->address, "127.0.0.1");
  EXPECT_THAT(facts->gpus, ElementsAre("NVIDIA H200", "NVIDIA H200"));
  EXPECT_EQ(facts->driver, "550.54.15");
  const auto again = parse_node_facts(to_json(*facts));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(*facts));
  const auto missing = own_node_facts("nope0");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().front().what, HasSubstr("no interface 'nope0'"));
  EXPECT_THAT(missing.error().front().hint, HasSubstr("lo (127.0.0.1)"));
}

}  // namespace
}  // namespace infbench::launch
