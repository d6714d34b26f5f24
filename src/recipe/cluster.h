// Cluster: what is true of a whole Slurm cluster rather than of one recipe: srtslurm.yaml, as data.
//
// find_cluster_file() looks where the reference looks; read_cluster() is as strict as read_recipe(): an unknown key is an
// error, never a reason to drop the file. A value, immutable after reading, usable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "recipe/recipe.h"

namespace infbench::recipe {

struct Cluster {
  std::string file;  // empty: there is none, all below are defaults
  std::string name;  // key `cluster`
  std::optional<std::string> default_account, default_partition, default_time_limit;
  std::string network_interface;  // whose address workers are reached at; empty: the one that the node's name stands for
  bool use_gpus_per_node_directive = true;
  bool use_segment_sbatch_directive = false;  // --segment=NODES, for clusters with block topology
  bool use_exclusive_sbatch_directive = false;
  StringMap default_sbatch_directives;
  std::optional<HealthCheck> default_health_check;
  std::optional<std::string> srtctl_root;  // has configs/ with setup scripts
  std::optional<std::string> output_dir;   // folder of all runs' folders; none: ./outputs
  StringMap model_paths;                   // alias -> folder
  StringMap containers;                    // alias -> image
  StringMap default_mounts;                // folder on the node -> folder in the container
  std::string default_bash_preamble;       // bash, put into the batch script as it is
  // Ours. For clusters whose nodes share one host, as in tests: where workers listen, and one port space for all.
  std::string bind = "0.0.0.0";
  bool shared_host = false;
};

// $SRTSLURM_CONFIG if set (whether it is there or not), else srtslurm.yaml in the current folder, its parent or the one above.
// Empty: there is none.
std::string find_cluster_file();

Result<Cluster> read_cluster(const std::string& path);
Result<Cluster> read_cluster_text(std::string_view text, const std::string& file);

}  // namespace infbench::recipe
