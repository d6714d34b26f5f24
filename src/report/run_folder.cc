#include "report/run_folder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <simdjson.h>

#include "measure/run_mark.h"
#include "report/read_records.h"
#include "report/read_summary.h"

namespace infbench::report {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

tl::unexpected<Errors> not_ours(const std::string& file, std::string_view expected) {
  return fail(Error{.what = fmt::format("expected {}", expected),
                    .hint = "give the output folder of simulate, compare, replay or submit",
                    .file = file,
                    .source_line = {}});
}

Result<element> load(simdjson::dom::parser& parser, const std::string& file) {
  element document;
  if (parser.load(file).get(document) != simdjson::SUCCESS || !document.is_object()) {
    return not_ours(file, "a JSON object");
  }
  return document;
}

std::vector<double> numbers_of(element object, std::string_view key) {
  std::vector<double> out;
  simdjson::dom::array array;
  if (object[key].get(array) != simdjson::SUCCESS) return out;
  for (const element item : array) {
    double number = 0;
    if (item.get(number) != simdjson::SUCCESS) number = 0;
    out.push_back(number);
  }
  return out;
}

WorkerSeries series_of(element worker) {
  WorkerSeries series;
  std::string_view text;
  if (worker["name"].get(text) == simdjson::SUCCESS) series.name = text;
  if (worker["role"].get(text) == simdjson::SUCCESS) series.role = text;
  if (worker["kv_capacity_tokens"].get(series.kv_capacity) != simdjson::SUCCESS) series.kv_capacity = 0;
  series.waiting = numbers_of(worker, "waiting");
  series.prefill = numbers_of(worker, "prefill");
  series.decode = numbers_of(worker, "decode");
  series.transfers = numbers_of(worker, "transfers");
  series.kv = numbers_of(worker, "kv_tokens");
  const std::size_t bins = series.waiting.size();  // a file that was changed by hand may have uneven ones
  for (auto* values : {&series.prefill, &series.decode, &series.transfers, &series.kv}) values->resize(bins);
  return series;
}

// `first_due_ns`: of the Unix epoch, Duration zero of the requests.
Result<void> read_timeline(const std::string& file, std::int64_t first_due_ns, const std::vector<std::int64_t>& rows,
                           FolderRun& run) {
  simdjson::dom::parser parser;
  const auto document = load(parser, file);
  if (!document) return fail(document.error());
  constexpr double kMostTokens = 1e15;
  constexpr std::int64_t kMostNs = 4'000'000'000'000'000'000;  // of the Unix epoch: the year 2096
  std::int64_t start_ns = 0;
  simdjson::dom::array workers;
  if ((*document)["start_ns"].get(start_ns) != simdjson::SUCCESS ||
      (*document)["bin_s"].get(run.timeline.bin_s) != simdjson::SUCCESS || !(run.timeline.bin_s > 0) || start_ns < 0 ||
      start_ns > kMostNs || (*document)["workers"].get(workers) != simdjson::SUCCESS) {
    return not_ours(file, "start_ns, bin_s and workers");
  }
  run.timeline.start_s = rows.empty() ? 0 : static_cast<double>(start_ns - first_due_ns) / 1e9;
  for (const element worker : workers) run.timeline.workers.push_back(series_of(worker));
  const std::vector<double> cacheable = numbers_of(*document, "cacheable_tokens");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= static_cast<std::int64_t>(cacheable.size())) continue;
    const double tokens = cacheable[static_cast<std::size_t>(rows[i])];
    if (std::abs(tokens) <= kMostTokens) run.requests[i].cacheable = static_cast<Tokens>(tokens);
  }
  return {};
}

// {"explain": {"missed_ttft": {"requests", "causes": {part: count}, "mean_ms": {part: ms}}, "missed_itl": ...}}.
std::vector<MissCauses> causes_of(element summary) {
  std::vector<MissCauses> out;
  for (const auto& [limit, pointer] : {std::pair{"TTFT", "/explain/missed_ttft"}, std::pair{"ITL", "/explain/missed_itl"}}) {
    element missed;
    simdjson::dom::object causes;
    if (summary.at_pointer(pointer).get(missed) != simdjson::SUCCESS || missed["causes"].get(causes) != simdjson::SUCCESS) {
      continue;
    }
    MissCauses one{.limit = limit, .requests = 0, .causes = {}};
    if (missed["requests"].get(one.requests) != simdjson::SUCCESS) one.requests = 0;
    for (const auto field : causes) {
      MissCauses::Cause cause{.part = std::string(field.key)};
      if (field.value.get(cause.requests) != simdjson::SUCCESS) continue;
      double ms = 0;
      if (missed["mean_ms"][field.key].get(ms) == simdjson::SUCCESS) cause.mean_ms = ms;
      one.causes.push_back(std::move(cause));
    }
    out.push_back(std::move(one));
  }
  return out;
}

// The file of records, and aiperf's summary beside it: --profile-export-prefix may have named them otherwise.
struct Names {
  std::string records, aiperf;
};

Names names_in(const std::string& folder) {
  Names names{folder + "/profile_export.jsonl", folder + "/profile_export_aiperf.json"};
  if (is_file(names.records)) return names;
  std::vector<std::string> stems;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".jsonl" && is_file(fs::path(path).replace_extension(".csv"))) {
      stems.push_back((path.parent_path() / path.stem()).string());
    }
  }
  if (stems.size() == 1) return {stems[0] + ".jsonl", stems[0] + ".json"};
  return names;
}

// Below this one where runs may be, by name.
std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> below;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error) && entry.path().filename() != "warmup") below.push_back(entry.path().string());
  }
  std::sort(below.begin(), below.end());
  return below;
}

std::vector<std::string> runs_below(const std::string& folder, int depth) {
  if (is_file(folder + "/summary.json")) return {folder};
  if (depth == 0) return {};
  std::vector<std::string> found;
  for (const std::string& one : folders_in(folder)) {
    const auto runs = runs_below(one, depth - 1);
    found.insert(found.end(), runs.begin(), runs.end());
  }
  return found;
}

// Whole lines of the records; -1: there is no such file.
std::int64_t lines_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return -1;
  return std::count(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>(), '\n');
}

void find_unfinished(const std::string& folder, int depth, Errors& found) {
  const measure::RunState state = measure::run_state(folder);
  if (state != measure::RunState::ended) {
    const std::string records = names_in(folder).records;
    const std::int64_t lines = lines_of(records);
    const std::string readable =
        lines < 0 ? "" : fmt::format("; {} has {} requests that ended", fs::path(records).filename().string(), lines);
    const bool goes_on = state == measure::RunState::goes_on;
    found.push_back({.what = fmt::format("incomplete: this run {}{}", goes_on ? "still goes on" : "was cut off", readable),
                     .hint = goes_on ? "wait until it has ended" : "run it again; a report needs a run that has ended",
                     .file = folder,
                     .source_line = {}});
  }
  if (depth == 0) return;
  for (const std::string& one : folders_in(folder)) find_unfinished(one, depth - 1, found);
}

constexpr int kDepth = 3;

}  // namespace

Errors unfinished_runs(const std::string& folder) {
  Errors found;
  find_unfinished(folder, kDepth, found);
  return found;
}

Result<FolderRun> read_run_folder(const std::string& folder, Parts parts) {
  const std::string file = folder + "/summary.json";
  if (!is_file(file)) {
    return fail(Error{.what = "there is no summary.json: not the output folder of a run that has ended",
                      .hint = "give the folder that -o or --artifact-dir named",
                      .file = folder,
                      .source_line = {}});
  }
  FolderRun run;
  simdjson::dom::parser parser;
  const auto summary = load(parser, file);
  if (!summary) return fail(summary.error());
  if (!read_summary(*summary, run.run)) return not_ours(file, "a summary as srtctl writes it");
  run.causes = causes_of(*summary);
  if (parts == Parts::summary) return run;
  const Names names = names_in(folder);
  run.run.info.generator.clear();
  if (is_file(names.aiperf)) {
    std::string_view generator;
    const auto aiperf = load(parser, names.aiperf);
    if (aiperf && (*aiperf)["generator"].get(generator) == simdjson::SUCCESS) run.run.info.generator = generator;
  }
  Records records;
  if (is_file(names.records)) {
    auto read = read_records(names.records, run.run.summary.slo);
    if (!read) return fail(std::move(read.error()));
    records = *std::move(read);
    run.requests = std::move(records.requests);
  }
  if (is_file(folder + "/timeline.json")) {
    const auto read = read_timeline(folder + "/timeline.json", records.first_due_ns, records.rows, run);
    if (!read) return fail(read.error());
  }
  return run;
}

std::vector<std::string> run_folders(const std::string& folder) { return runs_below(folder, kDepth); }

}  // namespace infbench::report
