// Cluster: a deployment as the virtual world needs it: workers with their engine settings and step times, the links between
// them.
//
// build_cluster() makes it from a recipe, its plan and the data files; a value that owns the models it refers to. Any thread
// may read it.
#pragma once

#include <cstdint>
#include <memory>
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
  const cost::Model* model = nullptr;  // one of Cluster::models
  std::int32_t node = 0;
};

struct Cluster {
  std::vector<std::shared_ptr<const cost::Model>> models;
  std::vector<ClusterWorker> workers;  // by WorkerId
  engine::LinkSpec inside_node = engine::kInsideNode;
  engine::LinkSpec across_nodes = engine::kAcrossNodes;
  bool layerwise_kv = false;  // see recipe::Engine
  Slo slo;
};

// Errors: no step times for this model, precision, GPU, TP and engine; flags that the engine model cannot honour.
Result<Cluster> build_cluster(const recipe::Recipe& recipe, const plan::Plan& plan, const std::string& data_dir);

// A worker that the engine of `model` (model.key.engine) runs with its own defaults and nine tenths of the memory. Errors: an
// engine that is neither sglang nor vllm; no room for KV.
// `version` of the engine where what it does by default has changed ("0.12.0"); empty: the newest.
Result<engine::WorkerConfig> default_worker(const cost::Model& model, std::string_view version = {});

}  // namespace infbench::simulate
