// Architecture: what a dense transformer is made of, from its config.json or a file of data/models (the same keys, as YAML):
// how many bytes its weights and its KV take, and how much work a token and a pair of tokens are. Values; any thread may read
// them.
//
// Known are decoders of gated MLPs (three matrices) and grouped-query attention over the whole context. What the counts below
// would be wrong for, experts, latent attention, sliding windows, quantised weights, is refused, naming the key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/types.h"

namespace infbench::cost {

struct Architecture {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
  std::int64_t intermediate = 0;
  std::int64_t vocabulary = 0;
  bool tied = false;                  // embedding and head are one matrix
  std::int64_t bytes_per_weight = 2;  // bf16, fp16

  // Of one GPU of `tp` (> 0). Norms and biases are left out: less than a thousandth.
  Bytes weight_bytes(int tp) const;
  Bytes kv_bytes_per_token(int tp) const;          // a GPU has one KV head at least
  double multiplications_per_token(int tp) const;  // of the layers' matrix products
  double multiplications_per_pair(int tp) const;   // of attention
};

// Errors: a file that is not such a model's, with the key and its place.
Result<Architecture> read_architecture(const std::string& path);

// Of a model by its folder or name: config.json in `folder` or, if that is one, in `model`, else data_dir/models/NAME.yaml.
// Nothing: none of them is there.
Result<std::optional<Architecture>> find_architecture(const std::string& data_dir, const std::string& model,
                                                      const std::string& folder = {});

// "Qwen/Qwen3-32B" and "/models/Qwen3-32B/" are "qwen3-32b".
std::string short_name(std::string_view model);

}  // namespace infbench::cost
