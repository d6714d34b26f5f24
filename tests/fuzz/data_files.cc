// The files that the engine model is made from. The first byte says which: 0 step times and KV capacity, 1 a model's
// config.json.
#include "cost/architecture.h"
#include "cost/model.h"
#include "cost/write_model.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

void read_models(std::string_view text) {
  const MemoryFile file(text);
  const auto models = cost::read_model_files(file.path());
  if (!models) return check_errors(models.error(), text);
  require(!models->empty(), "at least one model");
  for (const cost::Model& model : *models) {
    const std::string written = cost::model_file_text(model);
    const MemoryFile rewritten(written);
    const auto again = cost::read_model_file(rewritten.path());
    require(again.has_value(), "a model that was written can be read");
    require(cost::model_file_text(*again) == written, "and is the same");
    require(model.step_time.prefill(0, 1000, 512) > 0 && model.step_time.decode_sum(8, 1000, 10) > 0, "a step takes time");
    require(model.kv.tokens(0.9, 8192) >= 0, "no worker holds less than nothing");
  }
}

void read_config(std::string_view text) {
  const MemoryFile file(text);
  const auto read = cost::read_architecture(file.path());
  if (!read) return check_errors(read.error(), text);
  require(read->layers > 0 && read->heads > 0 && read->kv_heads > 0, "a model has layers and heads");
  for (const int tp : {1, 8}) {
    require(read->weight_bytes(tp) > 0 && read->kv_bytes_per_token(tp) > 0, "a model has weights and KV");
    require(read->multiplications_per_token(tp) > 0, "and is work");
  }
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench::fuzz;
  std::string_view text = text_of(data, size);
  take_choice(text, 2) == 0 ? read_models(text) : read_config(text);
  return 0;
}
