#include "plan/command_lines.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/ports.h"

namespace infbench::plan {
namespace {

void add(std::vector<std::string>& argv, std::initializer_list<std::string> words) { argv.insert(argv.end(), words); }

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

// Of a value's braces only {node} and {node_id} mean something: the value may be JSON.
std::string templated(std::string value, const Node& node, int node_id) {
  replace_all(value, "{node_id}", std::to_string(node_id));
  replace_all(value, "{node}", node.name);
  return value;
}

void set_variable(Environment& environment, const std::string& name, std::string value) {
  const auto found = std::ranges::find(environment, name, &Environment::value_type::first);
  if (found != environment.end()) {
    found->second = std::move(value);
  } else {
    environment.emplace_back(name, std::move(value));
  }
}

// Words that a shell takes as they are.
bool is_bare(std::string_view word) {
  constexpr std::string_view kSafe = "%+,-./:=@_";
  const auto safe = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSafe.find(c) != std::string_view::npos;
  };
  return !word.empty() && std::ranges::all_of(word, safe);
}

std::string shell_quote(const std::string& word) {
  if (is_bare(word)) return word;
  std::string inner = word;
  replace_all(inner, "'", "'\\''");
  return "'" + inner + "'";
}

// Flags that the plan sets itself and a recipe may repeat.
bool is_ours(std::string_view flag) { return flag == "served-model-name" || flag == "disaggregation-mode"; }

recipe::Flags without_ours(const recipe::Flags& flags) {
  std::vector<recipe::Flag> rest;
  std::ranges::copy_if(flags, std::back_inserter(rest), [](const recipe::Flag& flag) { return !is_ours(flag.name); });
  return recipe::Flags(std::move(rest));
}

}  // namespace

std::vector<std::string> worker_argv(const recipe::Recipe& recipe, const recipe::WorkerGroup& group,
                                     const WorkerProcess& process, const Worker& worker, const std::string& leader) {
  std::vector<std::string> argv{"python3", "-m", "sglang.launch_server", "--model-path", "/model"};
  add(argv, {"--served-model-name", recipe.served_model_name(), "--host", "0.0.0.0"});
  add(argv, {"--port", std::to_string(process.ports.http), "--nccl-port", std::to_string(process.ports.nccl)});
  if (process.role != Role::aggregated) add(argv, {"--disaggregation-mode", std::string(name_of(process.role))});
  if (process.ports.bootstrap != 0) add(argv, {"--disaggregation-bootstrap-port", std::to_string(process.ports.bootstrap)});
  if (worker.nodes > 1) {
    add(argv, {"--dist-init-addr", fmt::format("{}:{}", leader, kDistInitPort), "--nnodes", std::to_string(worker.nodes),
               "--node-rank", std::to_string(process.rank)});
  }
  for (std::string& word : recipe::to_argv(without_ours(*group.flags))) argv.push_back(std::move(word));
  return argv;
}

std::vector<std::string> router_argv(const recipe::Recipe& recipe, std::span<const Worker> workers) {
  const bool ours = recipe.frontend.type == "srtctl";
  std::vector<std::string> argv = ours ? std::vector<std::string>{"srtctl", "route"}
                                       : std::vector<std::string>{"python", "-m", "sglang_router.launch_router"};
  if (!recipe.disaggregated()) argv.emplace_back("--worker-urls");
  if (recipe.disaggregated()) argv.emplace_back("--pd-disaggregation");
  for (const Worker& worker : workers) {
    if (worker.role == Role::prefill) add(argv, {"--prefill", worker.url, std::to_string(worker.bootstrap_port)});
    if (worker.role == Role::decode) add(argv, {"--decode", worker.url});
    if (worker.role == Role::aggregated) argv.push_back(worker.url);
  }
  add(argv, {"--host", "0.0.0.0", "--port", std::to_string(kRouterPort)});
  for (std::string& word : recipe::to_argv(recipe.frontend.args)) argv.push_back(std::move(word));
  // sglang-router has a default policy of its own; ours is named so that the line says what will happen.
  if (ours && !recipe.frontend.args.text("policy").has_value()) add(argv, {"--policy", recipe.policy(Stage::whole)});
  return argv;
}

Environment worker_environment(const recipe::Recipe& recipe, const recipe::WorkerGroup& group, const WorkerProcess& process,
                               const Node& node) {
  Environment environment;
  for (const auto& [name, value] : *group.environment) set_variable(environment, name, templated(value, node, process.node));
  for (const auto& [name, value] : recipe.environment) set_variable(environment, name, templated(value, node, process.node));
  // A worker that has the whole node sees all GPUs anyway.
  if (static_cast<std::int64_t>(process.gpus.size()) < recipe.resources.gpus_per_node) {
    set_variable(environment, "CUDA_VISIBLE_DEVICES", fmt::format("{}", fmt::join(process.gpus, ",")));
  }
  return environment;
}

std::string shell_line(const Environment& environment, std::span<const std::string> argv) {
  std::string line;
  for (const auto& [name, value] : environment) line += fmt::format("{}={} ", name, value.empty() ? "" : shell_quote(value));
  for (const std::string& word : argv) line += shell_quote(word) + " ";
  if (!line.empty()) line.pop_back();
  return line;
}

}  // namespace infbench::plan
