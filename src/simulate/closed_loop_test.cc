#include "simulate/closed_loop.h"

#include <gtest/gtest.h>

namespace infbench::simulate {
namespace {

cost::Model round_model(const std::string& engine) {
  cost::Coefficients c;
  c.step = 1'000'000 * cost::kTicksPerNs;
  c.token = 1'000 * cost::kTicksPerNs;
  cost::KvCapacity kv;
  kv.memory = 1'000'000;
  kv.kv_per_token_per_gpu = 10;
  return {.key = {.model = "m", .precision = "bf16", .gpu = "h100_sxm", .tp = 1, .engine = engine},
          .models = {},
          .gpu_aliases = {},
          .step_time = cost::StepTime(c),
          .kv = kv,
          .provenance = {}};
}

// 100 tokens of prompt and 8 of the template. sglang: both prompts in 1.216 ms, then ten steps of 1.002; two such rounds.
TEST(ClosedLoop, FiguresAreMeansOverAllRequests) {
  const auto figures = run_closed_loop({.input = 100, .output = 11, .concurrency = 2, .requests = 4}, round_model("sglang"));
  ASSERT_TRUE(figures);
  EXPECT_DOUBLE_EQ(figures->ttft_ms, 1.216);
  EXPECT_DOUBLE_EQ(figures->tpot_ms, 1.002);
}

// vLLM before 0.14 lets the GPUs wait 1 ms and 18 us for each request before each step.
TEST(ClosedLoop, VllmBefore014SchedulesBetweenSteps) {
  const ClosedLoop load{.input = 100, .output = 11, .concurrency = 2, .requests = 4};
  EXPECT_DOUBLE_EQ(run_closed_loop(load, round_model("vllm"))->ttft_ms, 1.216);
  EXPECT_DOUBLE_EQ(run_closed_loop(load, round_model("vllm"), "0.14.1")->tpot_ms, 1.002);
  EXPECT_DOUBLE_EQ(run_closed_loop(load, round_model("vllm"), "0.12.0")->ttft_ms, 2.252);
  EXPECT_DOUBLE_EQ(run_closed_loop(load, round_model("vllm"), "0.12.0")->tpot_ms, 2.038);
}

TEST(ClosedLoop, WhatCannotRunIsAnError) {
  const ClosedLoop load{.input = 100, .output = 2, .concurrency = 1, .requests = 1};
  EXPECT_FALSE(run_closed_loop(load, round_model("trtllm")));
  EXPECT_FALSE(run_closed_loop({.input = 89'000, .output = 2'000, .concurrency = 1, .requests = 1}, round_model("sglang")));
}

}  // namespace
}  // namespace infbench::simulate
