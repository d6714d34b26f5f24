#include "cost/write_model.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <fstream>

namespace infbench::cost {
namespace {

bool same(const Coefficients& a, const Coefficients& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

Model read_back(const std::string& text) {
  const std::string path = ::testing::TempDir() + "cost_written.yaml";
  std::ofstream(path, std::ios::binary) << text;
  auto model = read_model_file(path);
  EXPECT_TRUE(model) << format_errors(model.error());
  return *std::move(model);
}

RC_GTEST_PROP(WriteModel, IsReadBackToTheBit, ()) {
  const auto ticks = [](Ticks most) { return *rc::gen::inRange<Ticks>(0, most); };
  const Coefficients c{.step = 1 + ticks(1'000'000'000'000'000),
                       .prompt_step = ticks(1'000'000),
                       .decode_step = ticks(100),
                       .token = ticks(10'000'000),
                       .token_beyond = {ticks(10'000'000), 0, ticks(3)},
                       .wave = ticks(1'000'000'000),
                       .kv_token = ticks(1'000'000),
                       .kv_token_below_knee = ticks(70'000),
                       .attention_pair = ticks(70'000),
                       .token_knees = {1, 20, 300},
                       .wave_knee = ticks(5000),
                       .kv_knee = ticks(500'000)};
  const Model model{.key = {.model = "Some/Model.1", .precision = "bf16", .gpu = "a100_sxm", .tp = 2, .engine = "vllm"},
                    .models = {"Some/Model.1", "odd: name, # \"quoted\""},
                    .gpu_aliases = {"a100"},
                    .step_time = StepTime(c),
                    .kv = {.memory = 80,
                           .weights = 7,
                           .runtime = 6,
                           .communication = 5,
                           .activation_per_chunk_token = 4,
                           .kv_per_token_per_gpu = 3},
                    .provenance = {.source = "a file", .license = "CC0", .fit = "srtctl calibrate 'a b' -o c"}};
  const Model back = read_back(model_file_text(model));
  RC_ASSERT(same(back.step_time.coefficients(), c));
  RC_ASSERT(describe(back.key) == describe(model.key));
  RC_ASSERT(back.models == model.models);
  RC_ASSERT(back.gpu_aliases == model.gpu_aliases);
  RC_ASSERT(std::memcmp(&back.kv, &model.kv, sizeof model.kv) == 0);
  RC_ASSERT(back.provenance.fit == model.provenance.fit);
}

TEST(WriteModel, NamesTheFileAsLoadLooksForIt) {
  EXPECT_EQ(model_file_name({.model = "Qwen/Qwen3-32B", .precision = "bf16", .gpu = "h200_sxm", .tp = 2, .engine = "sglang"}),
            "qwen3-32b.bf16.h200_sxm.tp2.sglang.yaml");
}

TEST(ReadModelFiles, ReadsSeveralDocuments) {
  std::string text;
  for (const int tp : {1, 2}) {
    auto model = load("data", {.model = "Qwen/Qwen3-32B", .precision = "bf16", .gpu = "h200", .tp = tp, .engine = "vllm"});
    ASSERT_TRUE(model);
    text += (tp == 1 ? "" : "---\n") + model_file_text(*model);
  }
  const std::string path = ::testing::TempDir() + "cost_several.yaml";
  std::ofstream(path, std::ios::binary) << text;
  const auto models = read_model_files(path);
  ASSERT_TRUE(models) << format_errors(models.error());
  ASSERT_EQ(models->size(), 2U);
  EXPECT_EQ((*models)[1].key.tp, 2);
  const auto one = read_model_file(path);
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error()[0].what, "expected one data file of step times, found 2");
}

}  // namespace
}  // namespace infbench::cost
