// srtslurm.yaml: what it means, where it is looked for, and all that is wrong with a bad one.
#include "recipe/cluster.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace infbench::recipe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string errors_of(const Result<Cluster>& cluster) {
  return cluster.has_value() ? "no error" : format_errors(cluster.error());
}

TEST(Cluster, EveryKey) {
  ASSERT_EQ(setenv("INFBENCH_TEST_SCRATCH", "/scratch", 1), 0);
  const Result<Cluster> cluster = read_cluster_text(R"(
cluster: mine
default_account: team
default_partition: gpu
default_time_limit: "04:00:00"
network_interface: ib0
use_gpus_per_node_directive: false
use_segment_sbatch_directive: true
use_exclusive_sbatch_directive: true
default_sbatch_directives: {qos: low}
default_health_check: {max_attempts: 7}
srtctl_root: /srtctl
output_dir: $INFBENCH_TEST_SCRATCH/outputs
model_paths: {qwen: $INFBENCH_TEST_SCRATCH/Qwen3-32B, remote: "hf:Qwen/Qwen3-32B"}
containers: {latest: "lmsysorg/sglang:v0.5.6.post2"}
default_mounts: {/lustre: /lustre}
default_bash_preamble: |
  ulimit -n 1048576
  module load cuda
bind: 127.0.0.1
shared_host: true
gpus_per_node: 8
use_het_jobs: false
reporting: null
telemetry: {enabled: false}
)",
                                                    "srtslurm.yaml");
  ASSERT_TRUE(cluster.has_value()) << format_errors(cluster.error());
  EXPECT_EQ(cluster->file, "srtslurm.yaml");
  EXPECT_EQ(cluster->name, "mine");
  EXPECT_EQ(cluster->default_account, "team");
  EXPECT_EQ(cluster->default_partition, "gpu");
  EXPECT_EQ(cluster->default_time_limit, "04:00:00");
  EXPECT_EQ(cluster->network_interface, "ib0");
  EXPECT_FALSE(cluster->use_gpus_per_node_directive);
  EXPECT_TRUE(cluster->use_segment_sbatch_directive);
  EXPECT_TRUE(cluster->use_exclusive_sbatch_directive);
  EXPECT_THAT(cluster->default_sbatch_directives, ElementsAre(Pair("qos", "low")));
  EXPECT_EQ(cluster->default_health_check->max_attempts, 7);
  EXPECT_EQ(cluster->default_health_check->interval_seconds, 10);
  EXPECT_EQ(cluster->srtctl_root, "/srtctl");
  EXPECT_EQ(cluster->output_dir, "/scratch/outputs");
  EXPECT_THAT(cluster->model_paths, ElementsAre(Pair("qwen", "/scratch/Qwen3-32B"), Pair("remote", "hf:Qwen/Qwen3-32B")));
  EXPECT_THAT(cluster->containers, ElementsAre(Pair("latest", "lmsysorg/sglang:v0.5.6.post2")));
  EXPECT_THAT(cluster->default_mounts, ElementsAre(Pair("/lustre", "/lustre")));
  EXPECT_EQ(cluster->default_bash_preamble, "ulimit -n 1048576\nmodule load cuda\n");
  EXPECT_EQ(cluster->bind, "127.0.0.1");
  EXPECT_TRUE(cluster->shared_host);
}

TEST(Cluster, AnEmptyFileSaysNothing) {
  for (const std::string_view text : {"", "# nothing\n", "{}\n", "---\n"}) {
    const Result<Cluster> cluster = read_cluster_text(text, "srtslurm.yaml");
    ASSERT_TRUE(cluster.has_value()) << text << format_errors(cluster.error());
    EXPECT_EQ(cluster->bind, "0.0.0.0");
    EXPECT_TRUE(cluster->use_gpus_per_node_directive);
    EXPECT_FALSE(cluster->use_segment_sbatch_directive);
    EXPECT_FALSE(cluster->default_health_check.has_value());
  }
}

struct BadCluster {
  std::string text, errors;
};

TEST(Cluster, BadOnesGiveAllTheirErrors) {
  const std::vector<BadCluster> rows{
      {"default_acount: a\nbogus: 1\ndefault_partition: [a]\n",
       "s.yaml:1:1: unknown key 'default_acount': did you mean 'default_account'?\n  default_acount: a\n  ^\n"
       "s.yaml:2:1: unknown key 'bogus': allowed are cluster, default_account, default_partition, default_time_limit, "
       "network_interface, use_gpus_per_node_directive, use_segment_sbatch_directive, use_exclusive_sbatch_directive, "
       "default_sbatch_directives, srtctl_root, output_dir, model_paths, containers, default_mounts, default_bash_preamble, "
       "bind, shared_host, default_health_check\n  bogus: 1\n  ^\n"
       "s.yaml:3:20: default_partition: expected text, found a list\n  default_partition: [a]\n                     ^\n"},
      {"default_container: a\nuse_het_jobs: true\n",
       "s.yaml:1:1: 'default_container' is not supported: write model.container in the recipe: remove it\n"
       "  default_container: a\n  ^\n"
       "s.yaml:2:1: 'use_het_jobs' is not supported: heterogeneous jobs are not submitted: remove it\n"
       "  use_het_jobs: true\n  ^\n"},
      {"telemetry: {enabled: true}\n",
       "s.yaml:1:1: 'telemetry' is not supported: there is no exporter of GPU metrics: remove it\n"
       "  telemetry: {enabled: true}\n  ^\n"},
      {"default_account: \"a\\n#SBATCH --nodes=9\"\n",
       "s.yaml:1:18: default_account: expected one word without blanks that does not begin with '-', found the text "
       "\"a #SBATCH --nodes=9\" in quotes\n  default_account: \"a\\n#SBATCH --nodes=9\"\n                   ^\n"},
      {"default_sbatch_directives: {nodes: '2', time: '1'}\n",
       "s.yaml:1:29: 'nodes' in default_sbatch_directives is set by srtctl itself: it follows from resources\n"
       "  default_sbatch_directives: {nodes: '2', time: '1'}\n                              ^\n"
       "s.yaml:1:41: 'time' in default_sbatch_directives is set by srtctl itself: use slurm.time_limit\n"
       "  default_sbatch_directives: {nodes: '2', time: '1'}\n                                          ^\n"},
      {"model_paths: {a: models/a}\noutput_dir: $INFBENCH_NO_SUCH_VARIABLE/x\n",
       "s.yaml:1:18: model_paths.a: expected an absolute path without ',', ':', '{' or '..', hf:org/name, or an alias of "
       "model_paths in srtslurm.yaml, found the text 'models/a'\n  model_paths: {a: models/a}\n                   ^\n"
       "s.yaml:2:13: output_dir: the environment variable 'INFBENCH_NO_SUCH_VARIABLE' is not set: set it, or write the value "
       "here\n  output_dir: $INFBENCH_NO_SUCH_VARIABLE/x\n              ^\n"},
      {"network_interface: eth 0\nbind: 0.0.0.0 --x\ndefault_health_check: {max_attempts: 0}\n",
       "s.yaml:1:20: network_interface: expected the name of a network interface, like eth0, found the text 'eth 0'\n"
       "  network_interface: eth 0\n                     ^\n"
       "s.yaml:2:7: bind: expected an IP address, like 0.0.0.0, found the text '0.0.0.0 --x'\n"
       "  bind: 0.0.0.0 --x\n        ^\n"
       "s.yaml:3:38: default_health_check.max_attempts: expected a number from 1 to 1000000, found 0\n"
       "  default_health_check: {max_attempts: 0}\n                                       ^\n"},
      {"default_mounts: {/a: /model/, /b: /b}\n",
       "s.yaml:1:22: default_mounts./a: expected another place than /model, /logs and /configs, which srtctl mounts itself, "
       "found "
       "the text '/model/'\n  default_mounts: {/a: /model/, /b: /b}\n                       ^\n"},
      {"cluster: a\ncluster: b\n", "s.yaml:2:1: duplicate key 'cluster': it stands on line 1 already\n  cluster: b\n  ^\n"},
      {"- a\n", "s.yaml:1:1: the file: expected a section (a mapping of keys), found a list\n  - a\n  ^\n"},
      {"cluster: [a\n",
       "s.yaml:1:10: YAML syntax: expected ',' or ']' in this list: check the quotes, brackets and indentation here and above\n"
       "  cluster: [a\n           ^\n"},
  };
  for (const BadCluster& row : rows) EXPECT_EQ(errors_of(read_cluster_text(row.text, "s.yaml")), row.errors);
}

TEST(Cluster, FilesThatCannotBeRead) {
  EXPECT_THAT(errors_of(read_cluster("no/such.yaml")), HasSubstr("no/such.yaml: cannot be opened: No such file or directory"));
  EXPECT_THAT(errors_of(read_cluster(::testing::TempDir())), HasSubstr("cannot be read: Is a directory"));
}

// The environment and the current folder as they were before.
class FindClusterFile : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unsetenv("SRTSLURM_CONFIG"), 0);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/a/b/c");
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    unsetenv("SRTSLURM_CONFIG");
  }

  std::string folder_ = ::testing::TempDir() + "find_cluster_file" + std::to_string(::getpid());
  std::filesystem::path before_ = std::filesystem::current_path();
};

TEST_F(FindClusterFile, InTheCurrentFolderAndTwoAbove) {
  std::filesystem::current_path(folder_ + "/a/b");
  EXPECT_EQ(find_cluster_file(), "");
  EXPECT_EQ(read_own_cluster()->file, "") << "without a file all is as by default";
  std::ofstream(folder_ + "/srtslurm.yaml") << "cluster: outer\n";
  EXPECT_EQ(find_cluster_file(), "../../srtslurm.yaml");
  std::filesystem::current_path(folder_ + "/a/b/c");
  EXPECT_EQ(find_cluster_file(), "") << "three above is too far";
  std::ofstream(folder_ + "/a/b/c/srtslurm.yaml") << "cluster: inner\n";
  EXPECT_EQ(find_cluster_file(), "srtslurm.yaml");
  EXPECT_EQ(read_own_cluster()->name, "inner");
}

TEST_F(FindClusterFile, TheVariableCountsWhetherTheFileIsThereOrNot) {
  std::filesystem::current_path(folder_);
  std::ofstream("srtslurm.yaml") << "cluster: here\n";
  ASSERT_EQ(setenv("SRTSLURM_CONFIG", "/no/such.yaml", 1), 0);
  EXPECT_EQ(find_cluster_file(), "/no/such.yaml");
  EXPECT_FALSE(read_own_cluster().has_value()) << "never a reason to go on without it";
  ASSERT_EQ(setenv("SRTSLURM_CONFIG", "", 1), 0);
  EXPECT_EQ(find_cluster_file(), "srtslurm.yaml") << "empty is as not set";
}

}  // namespace
}  // namespace infbench::recipe
