#include "recipe/schema_field.h"
#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

constexpr std::string_view kNotSent = "nothing is uploaded or sent anywhere";
constexpr auto kRefused = std::to_array<Refused>({
    {"cloud", kNotSent},
    {"default_container", "write model.container in the recipe"},
    {"default_host_setup", "use default_bash_preamble"},
    {"docker_args", "there is no launcher for Docker"},
    {"launcher", "use submit --launcher"},
    {"nginx_raise_ulimit", "there is one router, without nginx"},
    {"reporting", kNotSent},
    {"telemetry", "there is no exporter of GPU metrics"},
    {"use_het_jobs", "heterogeneous jobs are not submitted"},
});
constexpr auto kIgnored = std::to_array<std::string_view>({"gpus_per_node", "preflight"});

const auto kCluster = std::to_array<Field<Cluster>>({
    {"cluster", &Cluster::name, {.doc = "name of the cluster, for people", .check = &check_line}},
    {"default_account", &Cluster::default_account, {.doc = "account of recipes that name none", .check = &check_word}},
    {"default_partition", &Cluster::default_partition, {.doc = "partition of recipes that name none", .check = &check_word}},
    {"default_time_limit",
     &Cluster::default_time_limit,
     {.doc = "time limit of recipes that have none", .check = &check_time_limit}},
    {"network_interface",
     &Cluster::network_interface,
     {.doc = "network interface whose address workers are reached at; empty: the address that the node's name stands for",
      .check = &check_interface}},
    {"use_gpus_per_node_directive",
     &Cluster::use_gpus_per_node_directive,
     {.doc = "ask Slurm for GPUs by --gpus-per-node; false where nodes are given out whole"}},
    {"use_segment_sbatch_directive",
     &Cluster::use_segment_sbatch_directive,
     {.doc = "ask for all nodes in one block by --segment, on clusters with block topology"}},
    {"use_exclusive_sbatch_directive", &Cluster::use_exclusive_sbatch_directive, {.doc = "ask for whole nodes by --exclusive"}},
    {"default_sbatch_directives",
     &Cluster::default_sbatch_directives,
     {.doc = "sbatch_directives of every recipe; those of the recipe win",
      .check = &check_line,
      .key_check = &check_option,
      .owned_keys = owned_directives()}},
    {"srtctl_root",
     &Cluster::srtctl_root,
     {.doc = "folder that has configs/ with setup scripts; without it the current one",
      .check = &check_absolute_path,
      .expand = true}},
    {"output_dir",
     &Cluster::output_dir,
     {.doc = "folder of the folders of all runs; without it ./outputs", .check = &check_absolute_path, .expand = true}},
    {"model_paths",
     &Cluster::model_paths,
     {.doc = "aliases for model.path: alias, folder or `hf:org/name`",
      .check = &check_model_path,
      .key_check = &check_word,
      .expand = true}},
    {"containers",
     &Cluster::containers,
     {.doc = "aliases for container images: alias, image", .check = &check_word, .key_check = &check_word, .expand = true}},
    {"default_mounts",
     &Cluster::default_mounts,
     {.doc = "container_mounts of every recipe; those of the recipe win",
      .check = &check_absolute_path,
      .key_check = &check_absolute_path,
      .expand = true}},
    {"default_bash_preamble",
     &Cluster::default_bash_preamble,
     {.doc = "bash that every process runs first, taken as it is: `ulimit -n 1048576`"}},
    {"bind",
     &Cluster::bind,
     {.doc = "address that workers and the router listen on; 127.0.0.1 where all nodes are one host", .check = &check_address}},
    {"shared_host",
     &Cluster::shared_host,
     {.doc = "all nodes are one host, as in tests: no two processes of the job may have the same port"}},
});

}  // namespace

BoundSection bind_cluster_schema(Cluster& cluster, HealthCheck& default_health_check) {
  BoundSection top = section_of("", "what holds for all recipes of a cluster", true, kCluster, cluster, kRefused);
  top.ignored = kIgnored;
  top.sections.push_back(bind_health_check("default_health_check", default_health_check));
  return top;
}

}  // namespace infbench::recipe
