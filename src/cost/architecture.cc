#include "cost/architecture.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

#include "base/number.h"
#include "cost/text_file.h"
#include "cost/yaml_findings.h"

namespace infbench::cost {
namespace {

// Decoders that are made as architecture.h says.
constexpr std::array<std::string_view, 6> kDense{"LlamaForCausalLM", "MistralForCausalLM",   "Qwen2ForCausalLM",
                                                 "Qwen3ForCausalLM", "InternLM3ForCausalLM", "SeedOssForCausalLM"};

struct Refused {
  std::string_view key;
  std::string_view why;
};

// With any value but null, false and 0.
constexpr std::array<Refused, 11> kRefused{{{"num_experts", "mixture of experts"},
                                            {"num_local_experts", "mixture of experts"},
                                            {"n_routed_experts", "mixture of experts"},
                                            {"num_experts_per_tok", "mixture of experts"},
                                            {"moe_intermediate_size", "mixture of experts"},
                                            {"kv_lora_rank", "latent attention"},
                                            {"sliding_window", "attention over a window"},
                                            {"ssm_cfg", "state-space layers"},
                                            {"mamba_d_state", "state-space layers"},
                                            {"quantization_config", "quantised weights"},
                                            {"text_config", "more than a language model"}}};

constexpr std::int64_t kMost = std::int64_t{1} << 24;

std::int64_t count(const YAML::Node& config, const char* name, Findings& findings) {
  const YAML::Node found = config[name];
  if (!found.IsDefined()) {
    findings.add(config.Mark(), fmt::format("expected the key '{}' of a dense model", name));
    return 0;
  }
  const std::string word = found.IsScalar() ? found.Scalar() : "";
  const std::int64_t value = number_in<std::int64_t>(word).value_or(0);
  if (value >= 1 && value <= kMost) return value;
  findings.add(found.Mark(), fmt::format("expected '{}' to be a whole number from 1 to {}, found '{}'", name, kMost, word));
  return 0;
}

std::int64_t count_or(const YAML::Node& config, const char* name, std::int64_t otherwise, Findings& findings) {
  const YAML::Node found = config[name];
  return found.IsDefined() && !found.IsNull() ? count(config, name, findings) : otherwise;
}

bool means_nothing(const YAML::Node& value) {
  if (!value.IsScalar()) return value.IsNull();
  const std::string& word = value.Scalar();
  return word == "false" || word == "0" || word == "null" || word.empty();
}

void refuse_what_is_not_dense(const YAML::Node& config, Findings& findings) {
  const YAML::Node window = config["use_sliding_window"];
  const bool no_window = window.IsDefined() && means_nothing(window);
  for (const auto& item : config) {
    if (!item.first.IsScalar()) continue;
    const std::string& name = item.first.Scalar();
    const auto refused = std::find_if(kRefused.begin(), kRefused.end(), [&](const Refused& r) { return r.key == name; });
    if (refused == kRefused.end() || means_nothing(item.second) || (no_window && name == "sliding_window")) continue;
    findings.add(item.first.Mark(), fmt::format("the engine model cannot estimate '{}': {}", name, refused->why),
                 "dense models with bf16 weights can be estimated; others need measured step times");
  }
  const YAML::Node names = config["architectures"];
  if (!names.IsDefined() || !names.IsSequence()) return;
  for (const auto& name : names) {
    const std::string word = name.IsScalar() ? name.Scalar() : "";
    if (std::find(kDense.begin(), kDense.end(), word) != kDense.end()) continue;
    findings.add(name.Mark(), fmt::format("the engine model does not know 'architectures' {}", word),
                 fmt::format("those it knows are {}", fmt::join(kDense, ", ")));
  }
}

std::int64_t bytes_per_weight(const YAML::Node& config, Findings& findings) {
  for (const char* name : {"torch_dtype", "dtype"}) {
    const YAML::Node found = config[name];
    if (!found.IsDefined() || found.IsNull()) continue;
    const std::string word = found.IsScalar() ? found.Scalar() : "";
    if (word == "bfloat16" || word == "float16") return 2;
    findings.add(found.Mark(), fmt::format("expected '{}' to be bfloat16 or float16, found '{}'", name, word));
    return 2;
  }
  return 2;
}

Result<Architecture> read(const YAML::Node& config, Findings& findings) {
  if (!config.IsMap()) {
    findings.add(config.Mark(), "expected the keys of a model's config.json");
    return fail(findings.take());
  }
  refuse_what_is_not_dense(config, findings);
  if (!findings.empty()) return fail(findings.take());  // what is missing then does not matter
  Architecture a;
  a.layers = count(config, "num_hidden_layers", findings);
  a.hidden = count(config, "hidden_size", findings);
  a.heads = count(config, "num_attention_heads", findings);
  a.kv_heads = count_or(config, "num_key_value_heads", a.heads, findings);
  a.head_size = count_or(config, "head_dim", a.heads > 0 ? a.hidden / a.heads : 0, findings);
  a.intermediate = count(config, "intermediate_size", findings);
  a.vocabulary = count(config, "vocab_size", findings);
  const YAML::Node tied = config["tie_word_embeddings"];
  a.tied = tied.IsDefined() && tied.IsScalar() && tied.Scalar() == "true";
  a.bytes_per_weight = bytes_per_weight(config, findings);
  if (!findings.empty()) return fail(findings.take());
  return a;
}

std::int64_t matrix_elements(const Architecture& a) {
  const std::int64_t attention = a.hidden * a.head_size * 2 * (a.heads + a.kv_heads);
  return a.layers * (attention + 3 * a.hidden * a.intermediate);
}

}  // namespace

Bytes Architecture::weight_bytes(int tp) const {
  return bytes_per_weight * (matrix_elements(*this) + (tied ? 1 : 2) * vocabulary * hidden) / tp;
}

Bytes Architecture::kv_bytes_per_token(int tp) const {
  const std::int64_t heads_here = std::max<std::int64_t>(1, (kv_heads + tp - 1) / tp);
  return layers * heads_here * head_size * 2 * bytes_per_weight;
}

double Architecture::multiplications_per_token(int tp) const { return static_cast<double>(matrix_elements(*this)) / tp; }

double Architecture::multiplications_per_pair(int tp) const {
  return static_cast<double>(2 * layers * heads * head_size) / tp;  // scores, and the sum of values
}

Result<Architecture> read_architecture(const std::string& path) {
  const Result<std::string> text = read_text(path);
  if (!text) return fail(text.error());
  Findings findings(path, *text);
  try {
    return read(YAML::Load(*text), findings);
  } catch (const YAML::Exception& error) {
    findings.add(error.mark, fmt::format("not valid: {}", error.msg));
    return fail(findings.take());
  }
}

Result<std::optional<Architecture>> find_architecture(const std::string& data_dir, const std::string& model,
                                                      const std::string& folder) {
  std::vector<std::string> places{model + "/config.json", data_dir + "/models/" + short_name(model) + ".yaml"};
  if (!folder.empty()) places.insert(places.begin(), folder + "/config.json");
  for (const std::string& path : places) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) continue;
    auto found = read_architecture(path);
    if (!found) return fail(std::move(found.error()));
    return std::optional<Architecture>(*found);
  }
  return std::optional<Architecture>();
}

std::string short_name(std::string_view model) {
  while (!model.empty() && model.back() == '/') model.remove_suffix(1);
  std::string name(model.substr(model.rfind('/') + 1));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

}  // namespace infbench::cost
