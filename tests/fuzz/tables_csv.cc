// Tables of measurements: step times, closed loops, KV capacities. The first byte says which.
#include "calibrate/kv_rows.h"
#include "calibrate/measured.h"
#include "calibrate/step_rows.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

// The rows, or what is wrong with them.
template <typename T>
void check(const Result<T>& read, std::string_view text) {
  if (read) {
    require(!read->empty(), "a table has rows");
  } else {
    check_errors(read.error(), text);
  }
}

void check_step_rows(const std::string& path, std::string_view text) {
  const auto read = calibrate::read_step_rows(path, "m", "bf16");
  check(read, text);
  if (!read) return;
  for (const calibrate::StepRows& group : *read) {
    require(group.key.tp > 0 && !group.rows.empty(), "a deployment has rows");
    for (const calibrate::Observation& row : group.rows) {
      require(row.ns > 0 && row.steps.size() == 1, "a row is one step");
      const cost::StepLoad& load = row.steps.front();
      require(load.twice_pairs >= 0 && load.new_tokens >= 0 && load.decode_context >= 0, "no sum overflows");
    }
  }
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  static const cost::Architecture kQwen3{
      .layers = 64, .hidden = 5120, .heads = 64, .kv_heads = 8, .head_size = 128, .intermediate = 25600, .vocabulary = 151936};
  std::string_view text = text_of(data, size);
  const unsigned which = take_choice(text, 3);
  const MemoryFile file(text);
  if (which == 0) check_step_rows(file.path(), text);
  if (which == 1) check(calibrate::read_measured_rows(file.path(), "m", "bf16", "h200_sxm"), text);
  if (which == 2) {
    const auto read = calibrate::read_kv_capacities(file.path(), kQwen3);
    if (!read) check_errors(read.error(), text);
  }
  return 0;
}
