// Model: what the engine model knows about one (model, precision, GPU, TP, engine): step times, KV capacity, and where both
// come from.
//
// Read once from a data file, then an immutable value: copy it, or share it by const reference between threads.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "cost/step_time.h"

namespace infbench::cost {

// What a data file is found by.
struct Key {
  std::string model;      // "Qwen/Qwen3-32B", or a folder of that name
  std::string precision;  // "bf16"
  std::string gpu;        // "h200_sxm", or its alias "h200"
  int tp = 1;             // GPUs that share the model (tensor parallelism)
  std::string engine;     // "sglang", "vllm"
  // Where the model's own config.json may be; only asked where there is no data for the rest. May be empty.
  std::string folder = {};
};

// "Qwen/Qwen3-32B bf16 on h200 TP2 sglang".
std::string describe(const Key& key);

// How many tokens of KV one worker holds. Bytes of one GPU.
struct KvCapacity {
  Bytes memory = 0;
  Bytes weights = 0;
  Bytes runtime = 0;                     // CUDA context, graphs, the engine itself
  Bytes communication = 0;               // buffers of the collective operations
  Bytes activation_per_chunk_token = 0;  // of the largest prefill step
  Bytes kv_per_token_per_gpu = 0;        // > 0

  // With `memory_fraction` (0 to 1) of the memory for all of this, and prefill steps of up to `chunk` tokens:
  // (fraction x memory - weights - runtime - communication - activation x chunk) / KV per token, rounded down; 0 if nothing is
  // left.
  Tokens tokens(double memory_fraction, Tokens chunk) const;
};

// How far the formula is from the rows of one kind: relative errors in per cent.
struct KindErrors {
  int rows = 0;
  double mape = 0;  // mean of the absolute errors
  double p95 = 0;
  double worst = 0;
};

// The kinds of rows, in the order of every array of them: prompts alone, decodes alone, one prompt beside decodes.
inline constexpr std::array<std::string_view, 3> kKinds{"prefill", "decode", "mixed"};

struct Provenance {
  std::string source;
  std::string license;
  std::string fit;  // the command that wrote the file
  std::array<KindErrors, kKinds.size()> fitted{};
  std::array<KindErrors, kKinds.size()> held_out{};  // of rows the fit had not seen
};

struct Model {
  Key key;                          // as the file names them: GPU and model in full
  std::vector<std::string> models;  // that it holds for; not empty
  std::vector<std::string> gpu_aliases;
  StepTime step_time;
  KvCapacity kv;
  Provenance provenance;
  std::string scaled_from = {};  // not empty: an estimate from the data of this deployment, by the work of each GPU
  // How far each coefficient may be off, as a standard deviation relative to it (0.02 is 2 %), see draw.h. The file's
  // `uncertainty: {relative_sd_percent: X}`; where that is missing, from the held-out errors: 1.25 x the largest mean absolute
  // error of a kind (that is the deviation of a normal error with such a mean), at least 1 %. Of an estimate 20 % at least.
  double relative_sd = 0;
};

// "no data for X: estimated from Y, by ...", for people; empty for a model with data of its own.
std::string estimate_note(const Model& model);

// The data file for `key` in `data_dir`/step_times. Without one for this model or TP: an estimate from the nearest data of the
// same precision, GPU and engine, if the model's architecture is known (cost/architecture.h). Errors: neither (with the
// combinations there are), a model that cannot be estimated (with the key of its config that says so), an unreadable folder, or
// all mistakes of a malformed file with their places.
Result<Model> load(const std::string& data_dir, const Key& key);

// Every data file of `data_dir`/step_times, in order of name.
Result<std::vector<Model>> load_all(const std::string& data_dir);

// One data file, strictly: unknown, missing and repeated keys, wrong types and values out of range are errors.
Result<Model> read_model_file(const std::string& path);

// A file of one or more of them, one YAML document each.
Result<std::vector<Model>> read_model_files(const std::string& path);

}  // namespace infbench::cost
