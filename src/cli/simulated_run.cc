#include "cli/simulated_run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/sha256.h"
#include "cli/deployment_text.h"
#include "cli/options_policy.h"
#include "cli/program_files.h"
#include "cli/progress.h"
#include "net/event_loop.h"
#include "recipe/policies.h"
#include "route/factory.h"
#include "route/router.h"
#include "simulate/simulate.h"
#include "trace/schedule.h"

namespace infbench::cli {
namespace {

std::vector<Stage> stages_of(const recipe::Recipe& recipe) {
  if (recipe.disaggregated()) return {Stage::prefill, Stage::decode};
  return {Stage::whole};
}

route::PolicyParameters parameters_of(const recipe::Recipe& recipe) {
  const recipe::Flags& args = recipe.frontend.args;
  route::PolicyParameters p;
  if (recipe.frontend.type == "sglang") {  // it polls its workers' loads as often as it looks for new ones
    p.load_poll = seconds(args.integer("worker-startup-check-interval").value_or(30));
  }
  read_policy_flags(args, p);
  const Role role = recipe.disaggregated() ? Role::prefill : Role::aggregated;
  p.chunk = recipe.engine_flags(role).chunked_prefill_size.value_or(p.chunk);
  return p;
}

Result<route::Router> build_router(const recipe::Recipe& recipe, const simulate::Cluster& cluster, std::uint64_t seed) {
  route::RouterConfig config;
  config.seed = seed;
  config.view_delay = Duration{static_cast<std::int64_t>(recipe.engine.view_delay_ms * 1e6)};
  for (const Stage stage : stages_of(recipe)) {
    auto policy = route::make_policy(recipe.policy(stage), parameters_of(recipe));
    if (!policy) return fail(std::move(policy.error()));
    (stage == Stage::decode ? config.decode_policy : config.policy) = *std::move(policy);
  }
  std::vector<route::WorkerSpec> specs;
  for (const simulate::ClusterWorker& worker : cluster.workers) {
    specs.push_back({.id = {static_cast<std::uint32_t>(specs.size())},
                     .role = worker.config.role,
                     .kv_capacity = worker.config.kv_capacity,
                     .speed = &worker.model->step_time});
  }
  return route::Router(std::move(config), specs);
}

// What a run depends on and its RunInfo does not list: the recipe's text and the engine's data.
std::uint64_t inputs_hash(const Deployment& deployment, const simulate::Cluster& cluster) {
  static_assert(std::has_unique_object_representations_v<cost::Coefficients>);
  std::uint64_t hash = deployment.text_hash;
  for (const simulate::ClusterWorker& worker : cluster.workers) {
    std::array<char, sizeof(cost::Coefficients)> bytes{};
    std::memcpy(bytes.data(), &worker.model->step_time.coefficients(), bytes.size());
    hash = hash_bytes({bytes.data(), bytes.size()}, hash + static_cast<std::uint64_t>(worker.config.kv_capacity));
  }
  return hash;
}

// Server flags that the engine model knows, or that change nothing it models.
constexpr std::array<std::string_view, 12> kModelledFlags{"chunked-prefill-size",
                                                          "context-length",
                                                          "disaggregation-mode",
                                                          "disaggregation-bootstrap-port",
                                                          "host",
                                                          "json-model-override-args",
                                                          "mem-fraction-static",
                                                          "page-size",
                                                          "port",
                                                          "served-model-name",
                                                          "tensor-parallel-size",
                                                          "trust-remote-code"};

// One note that names all the others: the engine would get them, its model does not know them.
std::optional<std::string> unmodelled_flags(const recipe::Recipe& recipe) {
  std::set<std::string> names;
  for (const recipe::WorkerGroup& group : recipe.groups()) {
    for (const recipe::Flag& flag : *group.flags) {
      if (std::find(kModelledFlags.begin(), kModelledFlags.end(), flag.name) == kModelledFlags.end()) names.insert(flag.name);
    }
  }
  if (names.empty()) return std::nullopt;
  return fmt::format("{}: passed to the engine, not modelled: {}", recipe.name, fmt::join(names, ", "));
}

measure::RunInfo info_of(const Deployment& deployment, const simulate::Cluster& cluster, const Traffic& traffic,
                         std::span<const recipe::Edit> edits) {
  const recipe::Recipe& recipe = deployment.recipe;
  std::vector<std::string> notes = traffic.notes;
  std::vector<std::string> overrides;
  for (const recipe::Edit& edit : edits) {
    overrides.push_back((edit.kind == recipe::Edit::Kind::unset ? "unset " : "") + edit.text);
  }
  if (auto note = unmodelled_flags(recipe)) notes.push_back(*std::move(note));
  return {.generator = "infbench " INFBENCH_VERSION,
          .recipe = recipe.name,
          .recipe_path = recipe.file,
          .overrides = std::move(overrides),
          .policy = policy_text(recipe),
          .topology = topology_text(recipe),
          .model = recipe.served_model_name(),
          .gpus = gpus_of(deployment.plan),
          .trace = std::filesystem::path(traffic.path).filename().string(),
          .trace_sha256 = traffic.sha256,
          .stand_in_trace = !traffic.trace.stand_in().empty(),
          .speed = traffic.speed,
          .seed = traffic.seed,
          .inputs_hash = inputs_hash(deployment, cluster),
          .simulated = true,
          .notes = std::move(notes)};
}

std::vector<measure::WorkerInfo> worker_infos(const plan::Plan& plan, const simulate::Outcome& outcome) {
  std::vector<measure::WorkerInfo> infos;
  for (const plan::Worker& worker : plan.workers) {
    const simulate::WorkerOutcome& seen = outcome.workers[worker.id.value];
    infos.push_back({.name = fmt::format("{}_{}", name_of(worker.role), worker.index),
                     .role = worker.role,
                     .kv_capacity = seen.kv_capacity,
                     .kv_peak = seen.kv_peak});
  }
  return infos;
}

}  // namespace

Result<Deployment> prepare(recipe::Recipe recipe) {
  for (const Stage stage : stages_of(recipe)) {
    const std::string name = recipe.policy(stage);
    const recipe::PolicyInfo* policy = recipe::find_policy(name);
    if (policy != nullptr && policy->modelled) continue;
    std::string known;
    for (const recipe::PolicyInfo& other : recipe::policies()) {
      if (other.modelled) known += fmt::format("{}{}", known.empty() ? "" : ", ", other.name);
    }
    return fail(Error{.what = fmt::format("simulate does not model the policy '{}' yet", name),
                      .hint = fmt::format("those it does are {}", known),
                      .file = recipe.file,
                      .source_line = {}});
  }
  auto plan = plan::make_plan(recipe, plan::placeholder_inventory(recipe.nodes()));
  if (!plan) return fail(std::move(plan.error()));
  auto sha256 = file_sha256(recipe.file);
  if (!sha256) return fail(std::move(sha256.error()));
  std::uint64_t hash = hash_bytes(*sha256);
  if (!recipe.variant.empty()) hash = hash_bytes(recipe.variant, hash);
  return Deployment{.recipe = std::move(recipe), .plan = *std::move(plan), .text_hash = hash};
}

Result<SimulatedRun> simulate_run(const Deployment& deployment, const Traffic& traffic, std::span<const recipe::Edit> edits) {
  const auto wall_start = std::chrono::steady_clock::now();
  const double cpu_start = net::process_cpu_s();
  const auto data = data_dir();
  if (!data) return fail(data.error());
  const auto cluster = simulate::build_cluster(deployment.recipe, deployment.plan, *data);
  if (!cluster) return fail(cluster.error());
  auto router = build_router(deployment.recipe, *cluster, traffic.seed);
  if (!router) return fail(std::move(router.error()));

  Progress progress(deployment.recipe.name);
  simulate::Outcome outcome = simulate::simulate(traffic.trace, trace::schedule_of(traffic.trace, traffic.speed), *cluster,
                                                 *router, [&](std::size_t ended, std::size_t all) { progress(ended, all); });

  SimulatedRun run;
  run.result.info = info_of(deployment, *cluster, traffic, edits);
  run.result.summary =
      measure::summarize(outcome.records, cluster->slo, worker_infos(deployment.plan, outcome), run.result.info.gpus);
  run.result.cost = {.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_start).count(),
                     .cpu_s = net::process_cpu_s() - cpu_start};
  run.records = std::move(outcome.records);
  return run;
}

}  // namespace infbench::cli
