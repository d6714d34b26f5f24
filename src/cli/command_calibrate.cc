// calibrate: step times to data files, and how far data files and the engine model are from measurements.
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "base/output_file.h"
#include "calibrate/calibrate.h"
#include "calibrate/measured.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "cli/server_probes.h"
#include "cost/write_model.h"

namespace infbench::cli {
namespace {

std::string base_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

Result<std::map<calibrate::Deployment, cost::KvCapacity>> capacities(const CalibrateOptions& options, const std::string& data) {
  if (options.kv.empty()) return std::map<calibrate::Deployment, cost::KvCapacity>{};
  const auto architecture = cost::find_architecture(data, options.model);
  if (!architecture) return fail(architecture.error());
  if (!*architecture) {
    return fail(fmt::format("the architecture of {} is not known, so rows of KV capacity cannot be read", options.model),
                fmt::format("write {}/models/{}.yaml with the keys of its config.json", data, cost::short_name(options.model)));
  }
  return calibrate::read_kv_capacities(options.kv, **architecture);
}

// One file for all, or one for each in a folder. Gives the names of the files.
Result<std::vector<std::string>> write_files(const std::string& output, const std::vector<calibrate::Calibrated>& all) {
  std::error_code error;
  std::vector<std::string> files;
  std::string together;
  const bool folder = output.ends_with('/') || std::filesystem::is_directory(output, error);
  if (folder) std::filesystem::create_directories(output, error);
  for (const calibrate::Calibrated& one : all) {
    const std::string text = cost::model_file_text(one.model);
    if (!folder) together += (together.empty() ? "" : "---\n") + text;
    if (!folder) continue;
    files.push_back((std::filesystem::path(output) / cost::model_file_name(one.model.key)).string());
    if (auto written = write_file(files.back(), text); !written) return fail(std::move(written.error()));
  }
  if (folder) return files;
  if (auto written = write_file(output, together); !written) return fail(std::move(written.error()));
  return std::vector<std::string>{output};
}

void print_notes(const std::string& table, const std::vector<calibrate::Calibrated>& all) {
  for (const calibrate::Calibrated& one : all) {
    for (const std::string& note : one.notes) fmt::print(stderr, "{}: {}\n", describe(one.model.key), note);
    for (const calibrate::LeftOut& row : one.left_out) {
      const std::string place = row.line > 0 ? fmt::format("{}:{}", table, row.line) : "a probe";
      fmt::print(stderr, "{}: left out: {:.3f} ms measured, where the others make it {:.3f} ms\n", place, row.measured_ms,
                 row.estimated_ms);
    }
  }
}

// Where the rows come from, in words for the data file.
std::string source_of(const CalibrateOptions& options) {
  std::string source = options.url.empty() ? base_name(options.step_times) : "probes of a live server";
  if (!options.kv.empty()) source += " and " + base_name(options.kv);
  return options.source.empty() ? source : source + ", " + options.source;
}

ExitCode fit(const CalibrateOptions& options, const std::vector<calibrate::StepRows>& rows, const std::string& data) {
  auto kv = capacities(options, data);
  if (!kv) return report_errors(kv.error());
  const auto fitted = calibrate::calibrate(rows, {.data_dir = data,
                                                  .capacities = *std::move(kv),
                                                  .source = source_of(options),
                                                  .license = options.license,
                                                  .command = options.command_line});
  if (!fitted) return report_errors(fitted.error());
  const auto files = write_files(options.output, *fitted);
  if (!files) return report_errors(files.error());
  print_notes(options.step_times, *fitted);
  fmt::print("{}", options.json ? calibrate::calibrated_json(*fitted) : calibrate::calibrated_table(*fitted));
  std::fflush(stdout);
  for (const std::string& file : *files) fmt::print(stderr, "{} {}: {}\n", options.model, options.precision, file);
  return ExitCode::success;
}

ExitCode fit_table(const CalibrateOptions& options, const std::string& data) {
  const auto rows = calibrate::read_step_rows(options.step_times, options.model, options.precision);
  return rows ? fit(options, *rows, data) : report_errors(rows.error());
}

ExitCode fit_server(const CalibrateOptions& options, const std::string& data) {
  auto rows = measure_server(options, data);
  return rows ? fit(options, {*std::move(rows)}, data) : report_errors(rows.error());
}

ExitCode check_table(const CalibrateOptions& options, const std::string& data) {
  const auto rows = calibrate::read_step_rows(options.check, options.model, options.precision);
  if (!rows) return report_errors(rows.error());
  Result<std::vector<calibrate::Checked>> checked;
  if (options.data.empty()) {
    checked = calibrate::check(*rows, data);
  } else {
    const auto models = cost::read_model_files(options.data);
    if (!models) return report_errors(models.error());
    checked = calibrate::check(*rows, *models);
  }
  if (!checked) return report_errors(checked.error());
  fmt::print("{}", options.json ? calibrate::check_json(*checked) : calibrate::check_table(*checked));
  return ExitCode::success;
}

ExitCode check_measured_rows(const CalibrateOptions& options, const std::string& data) {
  const auto rows = calibrate::read_measured_rows(options.check_measured, options.model, options.precision, options.gpu);
  if (!rows) return report_errors(rows.error());
  const auto checked = calibrate::check_measured(*rows, data);
  if (!checked) return report_errors(checked.error());
  fmt::print("{}", options.json ? calibrate::measured_json(*checked) : calibrate::measured_table(*checked));
  return ExitCode::success;
}

}  // namespace

ExitCode run(const CalibrateOptions& options) {
  const auto data = data_dir();
  if (!data) return report_errors(data.error());
  if (!options.check.empty()) return check_table(options, *data);
  if (!options.check_measured.empty()) return check_measured_rows(options, *data);
  return options.url.empty() ? fit_table(options, *data) : fit_server(options, *data);
}

}  // namespace infbench::cli
