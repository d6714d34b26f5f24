// The command lines of workers, router and staging, word by word: what runs on the node, without what brings it there
// (launch_line.h). Pure, usable from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "recipe/recipe.h"

namespace infbench::plan {

// Where the processes of one plan find the model.
struct ModelPlace {
  std::string name;     // of hf:org/name; empty: it is a folder
  std::string folder;   // on the nodes, after staging; empty: none
  bool is_read = true;  // its files are read; not by the engine model

  // As a process in a container, or without one, names it.
  std::string path(bool in_container) const;
};
ModelPlace model_place(const recipe::Recipe& recipe);

// Processes in containers run in one: not with the local launcher, whatever the recipe names.
bool uses_containers(const Site& site, const std::string& image);

// This program, where such a process finds it.
std::string program_path(const Site& site, bool in_container);

// A program that is installed with Python: in the same folder as Site::python if that is a path, else looked up.
std::string beside_python(const Site& site, const std::string& program);

// `process` has its ports; `leader` is the address of the worker's rank 0.
std::vector<std::string> worker_argv(const recipe::Recipe& recipe, const Site& site, const recipe::WorkerGroup& group,
                                     const WorkerProcess& process, const Worker& worker, const std::string& leader);

std::vector<std::string> router_argv(const recipe::Recipe& recipe, const Site& site, const RouterProcess& router,
                                     std::span<const Worker> workers);

// The variables of a process on `node`: those of its role, then those of all workers (which win), then the GPUs it may see.
Environment worker_environment(const recipe::Recipe& recipe, const recipe::WorkerGroup& group, const WorkerProcess& process,
                               const Node& node);

Environment router_environment(const recipe::Recipe& recipe);

// The key that the recipe has the router ask of its clients; empty: none. Our own router and client take it from kKeyVariable,
// since everybody on the node can read command lines.
std::string router_key(const recipe::Recipe& recipe);
// What must not reach our router and client from whoever submits: without a key in the recipe the launcher asks with none.
std::vector<std::string> keys_of_others(const recipe::Recipe& recipe);
inline constexpr const char* kKeyVariable = "SRTCTL_API_KEY";

// Copies the model to a folder of the node; what is there already is not copied again.
std::vector<std::string> staging_argv(const recipe::Recipe& recipe);

}  // namespace infbench::plan
