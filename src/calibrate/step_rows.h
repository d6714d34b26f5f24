// StepRows: measured step times, by deployment (GPU, TP, engine, model): what a fit is made from and judged by.
//
// A table has the columns system, tp, backend, kind, bs, prefix, new, ctx, latency_ms. kind prefill: `bs` prompts of `new`
// tokens after `prefix` cached ones each; decode: `bs` sequences at context `ctx`; mixed: one prompt of `new` tokens after
// `prefix` beside `bs` decodes at `ctx`. Values; any thread may read them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cost/model.h"
#include "cost/step_time.h"

namespace infbench::calibrate {

enum class Kind : std::uint8_t { prefill, decode, mixed };  // in the order of cost::kKinds
inline constexpr std::size_t kKindCount = cost::kKinds.size();

// A time and what took it: one step, or several in a row, as a long prompt in chunks is.
struct Observation {
  Kind kind = Kind::prefill;
  std::vector<cost::StepLoad> steps;  // not empty; `ns` is the sum over them
  double ns = 0;                      // > 0
  int line = 0;                       // of the file; 0: none
};

struct StepRows {
  cost::Key key;
  std::vector<Observation> rows;
};

// By key, in order of (GPU, TP, engine). `model` and `precision` are those of all rows: tables have no column for them. Errors:
// all cells that do not mean anything, with their places; a file without rows.
Result<std::vector<StepRows>> read_step_rows(const std::string& path, const std::string& model, const std::string& precision);

}  // namespace infbench::calibrate
