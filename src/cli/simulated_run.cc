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
#include "recipe/secrets.h"
#include "route/factory.h"
#include "route/router.h"
#include "simulate/simulate.h"
#include "trace/pages.h"
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
constexpr auto kModelledFlags = std::to_array<std::string_view>({"async-scheduling",
                                                                 "block-size",
                                                                 "chunked-prefill-size",
                                                                 "context-length",
                                                                 "disable-radix-cache",
                                                                 "disaggregation-bootstrap-port",
                                                                 "disaggregation-mode",
                                                                 "enable-chunked-prefill",
                                                                 "enable-mixed-chunk",
                                                                 "enable-prefix-caching",
                                                                 "gpu-memory-utilization",
                                                                 "host",
                                                                 "json-model-override-args",
                                                                 "max-model-len",
                                                                 "max-num-batched-tokens",
                                                                 "max-num-seqs",
                                                                 "max-prefill-tokens",
                                                                 "max-running-requests",
                                                                 "mem-fraction-static",
                                                                 "no-async-scheduling",
                                                                 "no-enable-prefix-caching",
                                                                 "page-size",
                                                                 "port",
                                                                 "schedule-conservativeness",
                                                                 "schedule-policy",
                                                                 "served-model-name",
                                                                 "tensor-parallel-size",
                                                                 "trust-remote-code"});

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
                         const RunSettings& settings) {
  const recipe::Recipe& recipe = deployment.recipe;
  std::vector<std::string> notes = traffic.notes;
  if (auto note = unmodelled_flags(recipe)) notes.push_back(*std::move(note));
  for (const auto& model : cluster.models) {
    if (const std::string note = cost::estimate_note(*model); !note.empty()) notes.push_back(recipe.name + ": " + note);
  }
  return {.generator = "infbench " INFBENCH_VERSION,
          .recipe = recipe.name,
          .recipe_path = recipe.file,
          .overrides = deployment.overrides,
          .point = settings.point,
          .policy = policy_text(recipe),
          .topology = topology_text(recipe),
          .model = recipe.served_model_name(),
          .gpus = gpus_of(deployment.plan),
          .trace = std::filesystem::path(traffic.path).filename().string(),
          .trace_sha256 = traffic.sha256,
          .stand_in_trace = !traffic.trace.stand_in().empty(),
          .speed = settings.speed,
          .seed = settings.seed,
          .inputs_hash = inputs_hash(deployment, cluster),
          .simulated = true,
          .notes = std::move(notes)};
}

trace::Schedule schedule_of(const Traffic& traffic, double speed) {
  if (traffic.closed_loop) return simulate::schedule_of(*traffic.closed_loop);
  return trace::schedule_of(traffic.trace, speed);
}

measure::Timeline timeline_for(const trace::Trace& trace, const simulate::Cluster& cluster) {
  measure::Timeline timeline(cluster.workers.size());
  timeline.set_cacheable(trace::infinite_cache_hits(trace, cluster.workers.front().config.page));
  return timeline;
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

Result<Deployment> prepare(recipe::Recipe recipe, std::span<const recipe::Edit> edits, const std::string& data_dir) {
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
  auto cluster = simulate::build_cluster(recipe, *plan, data_dir);
  if (!cluster) return fail(std::move(cluster.error()));
  std::vector<std::string> overrides;
  for (const recipe::Edit& edit : edits) {
    overrides.push_back((edit.kind == recipe::Edit::Kind::unset ? "unset " : "") + recipe::line_without_secrets(edit.text));
  }
  auto sha256 = file_sha256(recipe.file);
  if (!sha256) return fail(std::move(sha256.error()));
  std::uint64_t hash = hash_bytes(*sha256);
  if (!recipe.variant.empty()) hash = hash_bytes(recipe.variant, hash);
  return Deployment{.recipe = std::move(recipe),
                    .plan = *std::move(plan),
                    .cluster = *std::move(cluster),
                    .overrides = std::move(overrides),
                    .text_hash = hash};
}

Result<SimulatedRun> simulate_run(const Deployment& deployment, const Traffic& traffic, const RunSettings& settings,
                                  const simulate::Progress& progress) {
  const auto wall_start = std::chrono::steady_clock::now();
  const double cpu_start = net::thread_cpu_s();
  simulate::Cluster cluster = deployment.cluster;
  if (settings.draw) simulate::draw_step_times(cluster, *settings.draw);
  auto router = build_router(deployment.recipe, cluster, settings.seed);
  if (!router) return fail(std::move(router.error()));

  SimulatedRun run;
  if (settings.with_timeline) run.timeline = timeline_for(traffic.trace, cluster);
  simulate::Outcome outcome = simulate::simulate(traffic.trace, schedule_of(traffic, settings.speed), cluster, *router,
                                                 progress, run.timeline ? &*run.timeline : nullptr,
                                                 settings.explain ? simulate::Explain::yes : simulate::Explain::no);
  run.result.info = info_of(deployment, cluster, traffic, settings);
  run.result.summary =
      measure::summarize(outcome.records, cluster.slo, worker_infos(deployment.plan, outcome), run.result.info.gpus);
  if (settings.explain) run.result.summary.explain = measure::summarize(outcome.records, outcome.explained, cluster.slo);
  run.result.cost = {.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_start).count(),
                     .cpu_s = net::thread_cpu_s() - cpu_start};
  run.records = std::move(outcome.records);
  run.explanations = std::move(outcome.explained);
  return run;
}

}  // namespace infbench::cli
