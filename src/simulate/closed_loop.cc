#include "simulate/closed_loop.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "measure/record.h"
#include "route/factory.h"
#include "route/router.h"
#include "simulate/cluster.h"
#include "simulate/simulate.h"
#include "trace/build.h"

namespace infbench::simulate {
namespace {

ClosedLoopFigures means_of(const std::vector<measure::RequestRecord>& records) {
  std::int64_t ttft_ns = 0;
  double tpot_ns = 0;
  for (const measure::RequestRecord& record : records) {
    ttft_ns += measure::ttft(record).ns;
    if (record.output > 1)
      tpot_ns += static_cast<double>(measure::decode_duration(record).ns) / static_cast<double>(record.output - 1);
  }
  const double count = static_cast<double>(records.size()) * 1e6;
  return {.ttft_ms = static_cast<double>(ttft_ns) / count, .tpot_ms = tpot_ns / count};
}

}  // namespace

trace::Trace trace_of(const ClosedLoop& load) {
  INFBENCH_CHECK(load.input > 0 && load.output > 0 && load.requests > 0);
  const auto blocks = static_cast<std::size_t>(trace::blocks_of(load.input));
  trace::TraceBuilder builder;
  std::vector<std::uint64_t> ids(blocks);
  std::uint64_t next = 0;
  for (std::int64_t i = 0; i < load.requests; ++i) {
    for (std::uint64_t& id : ids) id = next++;
    builder.add({.at = Duration{},
                 .input = load.input,
                 .output = load.output,
                 .blocks = ids,
                 .session = {},
                 .delay = {},
                 .extra = {},
                 .stand_in = {}});
  }
  return std::move(builder).finish().trace;
}

trace::Schedule schedule_of(const ClosedLoop& load) {
  trace::Schedule schedule;
  schedule.in_flight_max = load.concurrency;
  schedule.sends.reserve(static_cast<std::size_t>(load.requests));
  for (std::int64_t i = 0; i < load.requests; ++i) {
    schedule.sends.push_back({.request = {static_cast<std::uint32_t>(i)}, .at = Time{}, .after = std::nullopt, .delay = {}});
  }
  return schedule;
}

Result<ClosedLoopFigures> run_closed_loop(const ClosedLoop& load, const cost::Model& model) {
  const auto config = default_worker(model);
  if (!config) return fail(config.error());
  Cluster cluster;
  cluster.models.push_back(std::make_shared<const cost::Model>(model));
  cluster.workers.push_back({.config = *config, .model = cluster.models.front().get(), .node = 0});
  route::RouterConfig routing;
  auto policy = route::make_policy("round_robin", {});
  if (!policy) return fail(std::move(policy.error()));
  routing.policy = *std::move(policy);
  route::Router router(std::move(routing), std::vector<route::WorkerSpec>{{.id = {0},
                                                                           .role = Role::aggregated,
                                                                           .kv_capacity = config->kv_capacity,
                                                                           .speed = &cluster.models.front()->step_time}});
  const trace::Trace trace = trace_of(load);
  const Outcome outcome = simulate(trace, schedule_of(load), cluster, router, {});
  for (const measure::RequestRecord& record : outcome.records) {
    if (!record.error.empty()) return fail("a request of the closed loop does not fit the worker: " + record.error);
  }
  return means_of(outcome.records);
}

}  // namespace infbench::simulate
