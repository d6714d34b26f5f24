// Cluster: a deployment as the virtual world needs it: workers with their engine settings and step times, the links between
// them.
//
// build_cluster() makes it from a recipe, its plan and the data files; a value that owns the models it refers to. Any thread
// may read it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "cost/model.h"
#include "engine/links.h"
#include "engine/worker.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

namespace infbench::simulate {

struct ClusterWorker {
  engine::WorkerConfig config;
  const cost::Model* model = nullptr;  // one of Cluster::models: what is known of this worker, also to policies
  std::int32_t node = 0;
  const cost::StepTime* drawn = nullptr;  // one of Cluster::drawn: what its steps take instead; null: as the model says

  const cost::StepTime& step_time() const { return drawn != nullptr ? *drawn : model->step_time; }
};

struct Cluster {
  std::vector<std::shared_ptr<const cost::Model>> models;
  std::vector<std::shared_ptr<const cost::StepTime>> drawn;  // by place in `models`; empty: nothing is drawn
  std::vector<ClusterWorker> workers;                        // by WorkerId
  engine::LinkSpec inside_node = engine::kInsideNode;
  engine::LinkSpec across_nodes = engine::kAcrossNodes;
  bool layerwise_kv = false;  // see recipe::Engine
  Slo slo;
  std::optional<Tokens> announced_output;  // what the router is told every answer may have; none: what it will have
};

// Errors: no step times for this model, precision, GPU, TP and engine; flags that the engine model cannot honour.
Result<Cluster> build_cluster(const recipe::Recipe& recipe, const plan::Plan& plan, const std::string& data_dir);

// The same deployment in a world as likely as the fitted one: each model's coefficients drawn from their uncertainty
// (cost/draw.h). The same `draw` moves all models, and all deployments of a comparison, by the same deviations. What policies
// know of the workers stays as fitted.
void draw_step_times(Cluster& cluster, std::uint64_t draw);

// A worker that the engine of `model` (model.key.engine) runs with its own defaults and nine tenths of the memory. Errors: an
// engine that is neither sglang nor vllm; no room for KV.
// `version` of the engine where what it does by default has changed ("0.12.0"); empty: the newest.
Result<engine::WorkerConfig> default_worker(const cost::Model& model, std::string_view version = {});

}  // namespace infbench::simulate
