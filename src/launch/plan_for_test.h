// Plans for tests: two workers, a router, warm-up and client, whatever command lines they have. Pure.
#pragma once

#include <string>

#include "plan/plan.h"

namespace infbench::launch {

// Processes in the order of processes_of(): w0 w1 router warmup client; with staging the copies stage0 stage1 before them.
inline plan::Plan plan_for_test(bool disaggregated = false, bool staging = false) {
  plan::Plan plan;
  const auto command = [](const std::string& name) {
    plan::Command c;
    c.name = name;
    return c;
  };
  for (int i = 0; i < 2; ++i) {
    const auto id = static_cast<std::uint32_t>(i);
    const Role role = !disaggregated ? Role::aggregated : i == 0 ? Role::prefill : Role::decode;
    plan::Worker worker;
    worker.id = {id};
    worker.role = role;
    worker.url = "http://127.0.0.1:610" + std::to_string(i);
    plan.workers.push_back(worker);
    plan::WorkerProcess process;
    process.worker = {id};
    process.role = role;
    process.command = command("w" + std::to_string(i));
    plan.processes.push_back(process);
    if (staging) plan.staging.push_back(command("stage" + std::to_string(i)));
  }
  plan.router.url = "http://127.0.0.1:8000";
  plan.router.command = command("router");
  plan.readiness.url = plan.router.url + "/workers";
  plan.readiness.prefill = disaggregated ? 1 : 0;
  plan.readiness.decode = disaggregated ? 1 : 0;
  plan.readiness.regular = disaggregated ? 0 : 2;
  plan.readiness.timeout_s = 60;
  plan.benchmark.type = "mooncake-router";
  plan.benchmark.model = "m";
  plan.benchmark.warmup = command("warmup");
  plan.benchmark.command = command("client");
  for (const plan::StepKind kind : {plan::StepKind::worker, plan::StepKind::router, plan::StepKind::ready,
                                    plan::StepKind::warmup, plan::StepKind::flush, plan::StepKind::benchmark}) {
    plan.order.push_back({kind, 0});
  }
  return plan;
}

// The router's answer to GET /workers when all is well.
inline std::string workers_listed(const plan::Plan& plan, bool healthy = true) {
  std::string out = "{\"workers\":[";
  for (const plan::Worker& worker : plan.workers) {
    const char* type = worker.role == Role::prefill ? "prefill" : worker.role == Role::decode ? "decode" : "regular";
    out += std::string(out.ends_with('[') ? "" : ",") + "{\"id\":\"x\",\"url\":\"" + worker.url + "\",\"worker_type\":\"" +
           type + "\",\"is_healthy\":" + (healthy ? "true" : "false") + "}";
  }
  return out + "],\"total\":2}";
}

}  // namespace infbench::launch
