#include "calibrate/probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "calibrate/calibrate.h"
#include "route/factory.h"
#include "route/router.h"
#include "simulate/cluster.h"
#include "simulate/simulate.h"

namespace infbench::calibrate {
namespace {

cost::Model shipped(const std::string& gpu, int tp, const std::string& engine) {
  auto model = cost::load("data", {.model = "Qwen/Qwen3-32B", .precision = "bf16", .gpu = gpu, .tp = tp, .engine = engine});
  EXPECT_TRUE(model);
  return *std::move(model);
}

// The probes against one worker in virtual time: what replay would see of a server without any delay of its own.
std::vector<measure::RequestRecord> answers(const ProbePlan& plan, const cost::Model& model) {
  simulate::Cluster cluster;
  const auto config = simulate::default_worker(model);
  EXPECT_TRUE(config);
  cluster.models.push_back(std::make_shared<const cost::Model>(model));
  cluster.workers.push_back({.config = *config, .model = cluster.models.front().get(), .node = 0});
  route::RouterConfig routing;
  routing.policy = *route::make_policy("round_robin", {});
  route::Router router(std::move(routing), std::vector<route::WorkerSpec>{{.id = {0},
                                                                           .role = Role::aggregated,
                                                                           .kv_capacity = config->kv_capacity,
                                                                           .speed = &cluster.models.front()->step_time}});
  return simulate::simulate(plan.trace, plan.schedule, cluster, router, {}).records;
}

double worst_percent(const cost::StepTime& truth, const cost::StepTime& found) {
  double worst = 0;
  const auto compare = [&](const cost::StepLoad& load) {
    worst = std::max(worst, 100 * std::abs(static_cast<double>(found.of(load)) / static_cast<double>(truth.of(load)) - 1));
  };
  for (const Tokens fresh :
       {32, 48, 64, 100, 128, 200, 256, 400, 512, 600, 768, 900, 1024, 1100, 1500, 2048, 2500, 3000, 4096, 5000, 6144, 8192}) {
    for (const Tokens prefix : {0, 1024, 8192, 24'576}) {
      cost::StepLoad load;
      cost::StepTime::add_chunk(load, prefix, fresh);
      compare(load);
    }
  }
  for (const int batch : {1, 2, 3, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128}) {
    for (const Tokens context : {512, 1024, 2048, 4096, 8192, 16'384}) {
      if (batch * context > 200'000) continue;
      cost::StepLoad load;
      for (int i = 0; i < batch; ++i) cost::StepTime::add_decode(load, context);
      compare(load);
    }
  }
  return worst;
}

TEST(Probes, RecoverTheStepTimesOfAServer) {
  for (const auto& [gpu, tp] : std::vector<std::pair<std::string, int>>{{"h200", 2}, {"h100", 4}, {"h200", 1}}) {
    const cost::Model truth = shipped(gpu, tp, "sglang");
    const ProbePlan probes = plan(usual_probes(131'072, 256));
    const Observed observed = observe(probes, answers(probes, truth), 8192, 1);
    EXPECT_THAT(observed.notes, ::testing::IsEmpty());
    EXPECT_EQ(observed.rows.size(), 26U);
    // What was observed is what the server's step times make of the steps.
    for (const Observation& row : observed.rows)
      EXPECT_NEAR(estimate_ns(truth.step_time, row) / row.ns, 1, 0.002) << row.steps.size();

    const auto found =
        calibrate({{.key = truth.key, .rows = observed.rows}},
                  {.data_dir = "data", .capacities = {}, .source = "probes", .license = "-", .command = "-", .folds = 0});
    ASSERT_TRUE(found);
    EXPECT_LT(worst_percent(truth.step_time, found->front().model.step_time), 3) << gpu << " TP" << tp;
  }
}

TEST(Probes, FitAServerOfLessContextAndFewerRequests) {
  for (const Probe& probe : usual_probes(8192, 16)) {
    EXPECT_LE(probe.prefix + probe.fresh + kDecodeProbeTokens, 8192);
    EXPECT_LE(probe.batch, 16);
  }
}

TEST(Probes, AreSentOneAfterTheOther) {
  const ProbePlan probes = plan({{.kind = Kind::prefill, .prefix = 512, .fresh = 100, .batch = 1},
                                 {.kind = Kind::decode, .prefix = 0, .fresh = 600, .batch = 2}});
  // The prefix, three prompts after it, two sequences at once.
  ASSERT_EQ(probes.schedule.sends.size(), 6U);
  EXPECT_FALSE(probes.schedule.sends[0].after);
  for (const auto& [send, after] : std::vector<std::pair<std::size_t, std::uint32_t>>{{1, 0}, {2, 1}, {3, 2}, {4, 3}, {5, 3}}) {
    EXPECT_EQ(probes.schedule.sends[send].after->value, after);
  }
  const auto blocks = [&](std::uint32_t request) {
    std::vector<std::uint64_t> ids;
    for (const trace::BlockNumber block : probes.trace.request({request}).blocks) ids.push_back(probes.trace.block_id(block));
    return ids;
  };
  EXPECT_EQ(blocks(0)[0], blocks(1)[0]);
  EXPECT_NE(blocks(1)[1], blocks(2)[1]);
  EXPECT_NE(blocks(4)[0], blocks(5)[0]);
  EXPECT_EQ(probes.trace.request({3}).input, 612);
}

TEST(Probes, ThatFailedAreNamedAndLeftOut) {
  const ProbePlan probes = plan({{.kind = Kind::prefill, .prefix = 0, .fresh = 128, .batch = 1},
                                 {.kind = Kind::decode, .prefix = 0, .fresh = 600, .batch = 2}});
  auto records = answers(probes, shipped("h200", 2, "sglang"));
  records[4].error = "no room";
  const Observed observed = observe(probes, records, 8192, 2);
  EXPECT_EQ(observed.rows.size(), 1U);
  EXPECT_THAT(observed.notes, ::testing::ElementsAre("the probe with 2 sequences at context 600 failed: no room"));
  EXPECT_NEAR(observed.rows[0].ns, 2 * estimate_ns(shipped("h200", 2, "sglang").step_time, observed.rows[0]),
              1e3);  // its time scale
}

}  // namespace
}  // namespace infbench::calibrate
