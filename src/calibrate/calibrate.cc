#include "calibrate/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

namespace infbench::calibrate {
namespace {

bool same_deployment(const cost::Key& a, const cost::Key& b) {
  return a.gpu == b.gpu && a.tp == b.tp && a.engine == b.engine && a.model == b.model && a.precision == b.precision;
}

// What one deployment's fit may lean on: all others, never an earlier fit of its own.
std::vector<cost::Model> others(const std::string& data_dir, const cost::Key& key) {
  auto models = cost::load_all(data_dir);
  if (!models) return {};
  std::erase_if(*models, [&](const cost::Model& model) { return same_deployment(model.key, key); });
  return *std::move(models);
}

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double excess_of(const cost::Model& model) {
  const cost::Coefficients& c = model.step_time.coefficients();
  return static_cast<double>(c.prompt_step - c.decode_step) / cost::kTicksPerNs;
}

// The pull of fit.h: the median over the groups of the same engine with short prompts, else over the data files of others.
std::optional<double> typical_excess(const std::map<std::string, std::vector<double>>& excesses, const std::string& engine,
                                     const std::vector<cost::Model>& known) {
  if (const auto found = excesses.find(engine); found != excesses.end() && found->second.size() > 1)
    return median(found->second);
  std::vector<double> of_others;
  for (const cost::Model& model : known) {
    if (model.key.engine == engine) of_others.push_back(excess_of(model));
  }
  return median(std::move(of_others));
}

std::map<std::string, std::vector<double>> excesses_of(const std::vector<StepRows>& groups) {
  std::map<std::string, std::vector<double>> excesses;
  if (groups.size() < 2) return excesses;
  for (const StepRows& group : groups) {
    if (group.rows.size() < kRowsToStandAlone) continue;
    if (const auto excess = prompt_excess_ns(group.rows)) excesses[group.key.engine].push_back(*excess);
  }
  return excesses;
}

cost::KvCapacity capacity_of(const cost::Key& key, const Settings& settings, const std::vector<cost::Model>& known,
                             std::vector<std::string>& notes) {
  const auto given = settings.capacities.find({key.gpu, key.tp, key.engine});
  if (given != settings.capacities.end()) return given->second;
  if (const auto model = cost::load(settings.data_dir, key)) {
    if (!model->scaled_from.empty()) notes.push_back("KV capacity: " + cost::estimate_note(*model));
    return model->kv;
  }
  const cost::KvCapacity taken = known.empty() ? cost::KvCapacity{.memory = 1, .kv_per_token_per_gpu = 1} : known.front().kv;
  notes.push_back(fmt::format("KV capacity of {} is not known: correct kv_capacity in the file{}, or give rows with --kv",
                              describe(key), known.empty() ? "" : ", now that of " + describe(known.front().key)));
  return taken;
}

// Alone in front of '_', as in h200_sxm.
std::vector<std::string> aliases_of(const std::string& gpu) {
  const std::string alias = gpu.substr(0, gpu.find('_'));
  return alias == gpu || alias.empty() ? std::vector<std::string>{} : std::vector<std::string>{alias};
}

std::vector<double> estimates(const cost::StepTime& step_time, const std::vector<Observation>& rows) {
  std::vector<double> all;
  all.reserve(rows.size());
  for (const Observation& row : rows) all.push_back(estimate_ns(step_time, row));
  return all;
}

Calibrated calibrate_one(const StepRows& group, const Settings& settings,
                         const std::map<std::string, std::vector<double>>& excesses) {
  const std::vector<cost::Model> known = others(settings.data_dir, group.key);
  Prior prior{.prompt_excess_ns = typical_excess(excesses, group.key.engine, known), .known = {}};
  for (const cost::Model& model : known) prior.known.push_back(model.step_time.coefficients());
  const Fit found = fit(group.rows, prior);
  const cost::StepTime step_time(found.coefficients);

  std::vector<std::string> notes;
  std::vector<LeftOut> left_out;
  std::vector<Observation> kept;
  for (std::size_t i = 0, next = 0; i < group.rows.size(); ++i) {
    const Observation& row = group.rows[i];
    if (next < found.left_out.size() && found.left_out[next] == i) {
      left_out.push_back({.line = row.line, .measured_ms = row.ns / 1e6, .estimated_ms = estimate_ns(step_time, row) / 1e6});
      ++next;
    } else {
      kept.push_back(row);
    }
  }
  if (found.leaned) {
    notes.push_back(fmt::format("{} rows are few for 16 numbers: the fit leans on the shape of other deployments' step times",
                                group.rows.size()));
  }
  cost::Provenance provenance{.source = settings.source, .license = settings.license, .fit = settings.command};
  provenance.fitted = errors_by_kind(kept, estimates(step_time, kept));
  if (settings.folds > 1) provenance.held_out = cross_validate(kept, prior, settings.folds);
  cost::Model model{.key = group.key,
                    .models = {group.key.model},
                    .gpu_aliases = aliases_of(group.key.gpu),
                    .step_time = step_time,
                    .kv = capacity_of(group.key, settings, known, notes),
                    .provenance = std::move(provenance),
                    .scaled_from = {}};
  return {.model = std::move(model), .left_out = std::move(left_out), .notes = std::move(notes)};
}

Checked judge(const StepRows& group, const cost::Model& model) {
  return {.key = group.key,
          .errors = errors_by_kind(group.rows, estimates(model.step_time, group.rows)),
          .note = cost::estimate_note(model)};
}

bool is_of(const cost::Model& model, const cost::Key& key) {
  const bool gpu = model.key.gpu == key.gpu ||
                   std::find(model.gpu_aliases.begin(), model.gpu_aliases.end(), key.gpu) != model.gpu_aliases.end();
  return gpu && model.key.tp == key.tp && model.key.engine == key.engine;
}

}  // namespace

Result<std::vector<Calibrated>> calibrate(const std::vector<StepRows>& groups, const Settings& settings) {
  Errors errors;
  for (const StepRows& group : groups) {
    if (group.rows.size() >= kLeastRows) continue;
    errors.push_back({.what = fmt::format("expected {} or more rows to fit the step times of {}, found {}", kLeastRows,
                                          describe(group.key), group.rows.size()),
                      .hint = "prompts alone, decodes alone and, if the engine has them, both in a step, of many sizes",
                      .file = {},
                      .source_line = {}});
  }
  if (!errors.empty()) return fail(std::move(errors));
  const auto excesses = excesses_of(groups);
  std::vector<Calibrated> all;
  for (const StepRows& group : groups) all.push_back(calibrate_one(group, settings, excesses));
  return all;
}

Result<std::vector<Checked>> check(const std::vector<StepRows>& groups, const std::string& data_dir) {
  std::vector<Checked> all;
  Errors errors;
  for (const StepRows& group : groups) {
    auto model = cost::load(data_dir, group.key);
    if (model) all.push_back(judge(group, *model));
    if (!model) errors.insert(errors.end(), model.error().begin(), model.error().end());
  }
  if (!errors.empty()) return fail(std::move(errors));
  return all;
}

Result<std::vector<Checked>> check(const std::vector<StepRows>& groups, const std::vector<cost::Model>& models) {
  std::vector<Checked> all;
  Errors errors;
  for (const StepRows& group : groups) {
    const auto model = std::find_if(models.begin(), models.end(), [&](const cost::Model& m) { return is_of(m, group.key); });
    if (model != models.end()) {
      all.push_back(judge(group, *model));
    } else {
      errors.push_back({.what = fmt::format("no step times for {} in the file given", describe(group.key)),
                        .hint = {},
                        .file = {},
                        .source_line = {}});
    }
  }
  if (!errors.empty()) return fail(std::move(errors));
  return all;
}

}  // namespace infbench::calibrate
