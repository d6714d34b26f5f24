#include "cost/architecture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cost/model.h"

namespace infbench::cost {
namespace {

using ::testing::HasSubstr;

constexpr const char* kData = "data";

constexpr const char* kConfig = R"({
  "architectures": ["LlamaForCausalLM"],
  "num_hidden_layers": 4, "hidden_size": 256, "num_attention_heads": 8, "num_key_value_heads": 2,
  "intermediate_size": 1024, "vocab_size": 1000, "torch_dtype": "bfloat16", "sliding_window": null,
  "tie_word_embeddings": true
})";

// A folder as a model's download is, with this config.json.
std::string model_folder(const std::string& name, const std::string& config) {
  const std::string folder = ::testing::TempDir() + name;
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/config.json", std::ios::binary) << config;
  return folder;
}

Key on_h200(std::string model, int tp) {
  return {.model = std::move(model), .precision = "bf16", .gpu = "h200", .tp = tp, .engine = "sglang"};
}

TEST(Architecture, CountsTheBytesAndTheWorkOfEachGpu) {
  const auto qwen = find_architecture(kData, "Qwen/Qwen3-32B");
  ASSERT_TRUE(qwen && *qwen);
  EXPECT_EQ((*qwen)->weight_bytes(2), 32'761'446'400);  // as the data files have it: 30.51 GiB
  EXPECT_EQ((*qwen)->kv_bytes_per_token(2), 131'072);
  EXPECT_EQ((*qwen)->kv_bytes_per_token(16), (*qwen)->kv_bytes_per_token(8));  // a GPU has one KV head at least
  EXPECT_EQ((*qwen)->multiplications_per_token(4) * 4, (*qwen)->multiplications_per_token(1));
  EXPECT_EQ((*qwen)->multiplications_per_pair(1), 2.0 * 64 * 64 * 128);
}

TEST(Architecture, IsReadFromTheModelsOwnConfig) {
  const auto found = find_architecture(kData, model_folder("arch_small", kConfig));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->head_size, 32);  // hidden size over heads, where it is not given
  EXPECT_EQ((*found)->weight_bytes(1), 2 * (4 * (256 * 32 * 2 * (8 + 2) + 3 * 256 * 1024) + 1000 * 256));
  const auto nothing = find_architecture(kData, "no/such-model");
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
}

TEST(Architecture, RefusesWhatItCannotCountNamingTheKey) {
  struct Case {
    std::string from;
    std::string to;
    std::string what;
    int line;
  };
  for (const Case& c : std::vector<Case>{
           {"\"hidden_size\"", "\"num_experts\": 128, \"hidden_size\"", "cannot estimate 'num_experts': mixture of experts", 3},
           {"\"hidden_size\"", "\"kv_lora_rank\": 512, \"hidden_size\"", "cannot estimate 'kv_lora_rank': latent attention", 3},
           {"\"sliding_window\": null", "\"sliding_window\": 4096", "cannot estimate 'sliding_window'", 4},
           {"\"hidden_size\"", "\"quantization_config\": {\"quant_method\": \"fp8\"}, \"hidden_size\"",
            "cannot estimate 'quantization_config': quantised weights", 3},
           {"LlamaForCausalLM", "MambaForCausalLM", "does not know 'architectures' MambaForCausalLM", 2},
           {"bfloat16", "float8_e4m3fn", "expected 'torch_dtype' to be bfloat16 or float16, found 'float8_e4m3fn'", 4},
           {"\"hidden_size\": 256", "\"hidden_size\": \"many\"", "expected 'hidden_size' to be a whole number", 3},
           {"\"vocab_size\"", "\"vocab\"", "expected the key 'vocab_size' of a dense model", 1}}) {
    std::string config = kConfig;
    config.replace(config.find(c.from), c.from.size(), c.to);
    const auto found = find_architecture(kData, model_folder("arch_refused", config));
    ASSERT_FALSE(found) << c.to;
    ASSERT_EQ(found.error().size(), 1U) << c.to;
    EXPECT_THAT(found.error()[0].what, HasSubstr(c.what));
    EXPECT_EQ(found.error()[0].line, c.line) << c.what;
    EXPECT_GT(found.error()[0].column, 0);
    // Whoever asks for step times gets the same answer.
    Key key = on_h200("some/model", 2);
    key.folder = model_folder("arch_refused", config);
    const auto model = load(kData, key);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error()[0].what, found.error()[0].what);
  }
}

Ticks decode_time(const Model& model) {
  StepLoad load;
  for (int i = 0; i < 8; ++i) StepTime::add_decode(load, 4096);
  return model.step_time.of(load);
}

TEST(Scaled, ADenseModelWithoutDataIsEstimatedFromTheNearest) {
  const auto model = load(kData, on_h200("meta-llama/Llama-3.1-70B-Instruct", 4));
  ASSERT_TRUE(model) << format_errors(model.error());
  EXPECT_EQ(model->scaled_from, "Qwen/Qwen3-32B bf16 on h200_sxm TP4 sglang");
  EXPECT_THAT(estimate_note(*model),
              HasSubstr("no step times for meta-llama/Llama-3.1-70B-Instruct bf16 on h200_sxm TP4 sglang: estimated "
                        "from Qwen/Qwen3-32B bf16 on h200_sxm TP4 sglang"));
  const auto qwen = load(kData, on_h200("Qwen/Qwen3-32B", 4));
  ASSERT_TRUE(qwen);
  EXPECT_EQ(estimate_note(*qwen), "");
  const double times = static_cast<double>(decode_time(*model)) / static_cast<double>(decode_time(*qwen));
  EXPECT_GT(times, 1.8);  // 2.2 times the weights
  EXPECT_LT(times, 2.3);
  EXPECT_LT(model->kv.tokens(0.9, 8192), qwen->kv.tokens(0.9, 8192));
}

TEST(Scaled, AnotherNumberOfGpusIsEstimatedFromTheNearest) {
  const auto eight = load(kData, on_h200("Qwen/Qwen3-32B", 8));
  ASSERT_TRUE(eight) << format_errors(eight.error());
  EXPECT_EQ(eight->scaled_from, "Qwen/Qwen3-32B bf16 on h200_sxm TP4 sglang");
  const auto four = load(kData, on_h200("Qwen/Qwen3-32B", 4));
  EXPECT_LT(decode_time(*eight), decode_time(*four));
  EXPECT_GT(eight->kv.tokens(0.9, 8192), four->kv.tokens(0.9, 8192));
  const auto uneven = load(kData, on_h200("Qwen/Qwen3-32B", 3));
  ASSERT_FALSE(uneven);
  EXPECT_THAT(uneven.error()[0].what, HasSubstr("its 64 attention heads cannot be shared by 3 GPUs"));
}

// Nesting without end is an error, not the end of the stack.
TEST(Architecture, AConfigNestedTooDeepIsRefused) {
  for (const std::string& text :
       {std::string(100'000, '['), "{\"a\": " + std::string(100'000, '{'), std::string(100'000, '-')}) {
    const auto found = find_architecture(kData, "mine/deep", model_folder("nested", text));
    EXPECT_FALSE(found.has_value()) << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace infbench::cost
