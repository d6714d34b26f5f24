// Node facts: what each node of an allocation says of itself (`srtctl node-facts`), asked of all nodes at once in one step, and
// the inventory for the plan made of it.
//
// Values; the functions are usable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launch/slurm.h"
#include "plan/plan.h"

namespace infbench::launch {

struct NodeFacts {
  std::string node;               // Slurm's name for it, or the host's
  std::string host;               // the host's own name
  std::string address;            // IPv4, where other nodes reach it
  std::string kernel;             // "Linux 6.1.0-18-amd64"
  std::vector<std::string> gpus;  // names, "NVIDIA H200"; empty: nvidia-smi is not there
  std::string driver;             // of the GPUs; empty: as above
  std::string visible_gpus;       // $CUDA_VISIBLE_DEVICES there: those that Slurm gave to the job, "0,1"; empty: not set
};

// This machine's own name, and its kernel as in NodeFacts.
std::string own_host();
std::string own_kernel();

// Of this machine. The address is that of the interface; with none given the one that the node's name stands for, else the
// first that is not loopback. Error: there is no such address; it names the interfaces that there are.
Result<NodeFacts> own_node_facts(const std::string& interface);

// One JSON object without an end of line, and back.
std::string to_json(const NodeFacts& facts);
Result<NodeFacts> parse_node_facts(std::string_view line);

// Of every node of the allocation, in its order: one srun step over all of them. `program`: this program, where the nodes find
// it. Error: a node did not answer, or its answer is an error.
Result<std::vector<NodeFacts>> ask_nodes(const Allocation& allocation, const std::string& program,
                                         const std::string& interface);

// With Cluster::shared_host every address is 127.0.0.1. The GPUs are those that Slurm gave to the job on each node.
plan::Inventory inventory_of(const std::vector<NodeFacts>& facts, const recipe::Cluster& cluster);

}  // namespace infbench::launch
