#include "calibrate/step_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "calibrate/csv.h"

namespace infbench::calibrate {
namespace {

constexpr std::int64_t kMostSequences = 4096;  // what StepLoad's sums hold, with as many tokens each
constexpr Tokens kMostTokens = 10'000'000;
constexpr int kMostGpus = 1024;

std::optional<Kind> kind_of(std::string_view name) {
  for (std::size_t i = 0; i < kKindCount; ++i) {
    if (cost::kKinds[i] == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

// An empty cell is 0: prompts have no context, decodes no prefix.
std::int64_t count(Csv& csv, std::size_t row, std::string_view column, std::int64_t least, std::int64_t most) {
  if (least == 0 && csv.text(row, column).empty()) return 0;
  return csv.integer(row, column, least, most).value_or(least);
}

Observation read_row(Csv& csv, std::size_t row) {
  Observation observation;
  observation.line = csv.line(row);
  const auto kind = kind_of(csv.text(row, "kind"));
  if (!kind)
    csv.note(row, "kind", fmt::format("expected 'kind' to be prefill, decode or mixed, found '{}'", csv.text(row, "kind")));
  observation.kind = kind.value_or(Kind::decode);
  // Beside no decodes at all, a prompt is a step of its own.
  const std::int64_t batch = count(csv, row, "bs", observation.kind == Kind::mixed ? 0 : 1, kMostSequences);
  cost::StepLoad load;
  if (observation.kind != Kind::decode) {
    const Tokens prefix = count(csv, row, "prefix", 0, kMostTokens);
    const Tokens fresh = count(csv, row, "new", 1, kMostTokens);
    const std::int64_t prompts = observation.kind == Kind::prefill ? batch : 1;
    for (std::int64_t i = 0; i < prompts; ++i) cost::StepTime::add_chunk(load, prefix, fresh);
  }
  if (observation.kind != Kind::prefill) {
    const Tokens context = count(csv, row, "ctx", 0, kMostTokens);
    for (std::int64_t i = 0; i < batch; ++i) cost::StepTime::add_decode(load, context);
  }
  observation.steps = {load};
  observation.ns = csv.number_above_0(row, "latency_ms").value_or(1) * 1e6;
  return observation;
}

}  // namespace

Result<std::vector<StepRows>> read_step_rows(const std::string& path, const std::string& model, const std::string& precision) {
  auto csv = Csv::read(path, {"system", "tp", "backend", "kind", "bs", "prefix", "new", "ctx", "latency_ms"});
  if (!csv) return fail(std::move(csv.error()));
  std::map<std::tuple<std::string, int, std::string>, StepRows> groups;
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    for (const char* name : {"system", "backend"}) {
      if (csv->text(row, name).empty()) csv->note(row, name, fmt::format("expected '{}' to be a name, found nothing", name));
    }
    const int tp = static_cast<int>(csv->integer(row, "tp", 1, kMostGpus).value_or(1));
    const std::string gpu(csv->text(row, "system"));
    const std::string engine(csv->text(row, "backend"));
    StepRows& group = groups[{gpu, tp, engine}];
    group.key = {.model = model, .precision = precision, .gpu = gpu, .tp = tp, .engine = engine};
    group.rows.push_back(read_row(*csv, row));
  }
  if (Errors errors = csv->take_errors(); !errors.empty()) return fail(std::move(errors));
  if (groups.empty())
    return fail(Error{.what = "expected rows of step times, found none", .hint = {}, .file = path, .source_line = {}});
  std::vector<StepRows> list;
  for (auto& [name, group] : groups) list.push_back(std::move(group));
  return list;
}

}  // namespace infbench::calibrate
