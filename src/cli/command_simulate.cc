// simulate and compare: the same story, told once or more often.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/sha256.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/literal_prompts.h"
#include "cli/study.h"
#include "cli/synthetic_load.h"
#include "cli/workload.h"
#include "measure/artifacts.h"
#include "measure/output_folder.h"
#include "measure/run_mark.h"
#include "report/html.h"
#include "report/json.h"
#include "report/terminal.h"
#include "report/verdict.h"
#include "trace/read.h"

namespace infbench::cli {
namespace {

Result<Traffic> synthetic_traffic(const SimulateOptions& options) {
  const auto load = closed_loop_of(options.synthetic);
  if (!load) return fail(load.error());
  Sha256 sha256;  // there is no file: the load's name says all
  sha256.add(options.synthetic);
  return Traffic{.trace = simulate::trace_of(*load),
                 .path = options.synthetic,
                 .sha256 = sha256.finish(),
                 .notes = {},
                 .closed_loop = *load};
}

Result<Traffic> load_traffic(const SimulateOptions& options, const recipe::Recipe& recipe) {
  if (!options.synthetic.empty()) return synthetic_traffic(options);
  TraceSource source = options.trace;
  if (source.file.empty() && source.workload.empty()) source.workload = recipe.benchmark.mooncake_workload;
  auto path = find_trace(source);
  if (!path) return fail(std::move(path.error()));
  trace::ReadOptions reading = literal_prompts();
  reading.needs_output = "a simulated answer needs a length";
  auto read = trace::read_trace(*path, std::move(reading));
  if (!read) return fail(std::move(read.error()));
  return Traffic{.trace = std::move(read->trace), .path = *path, .sha256 = read->sha256, .notes = std::move(read->notes)};
}

Result<void> write_one(const std::string& folder, const SimulatedRun& run) {
  auto written = measure::write_artifacts(folder, run.result, run.records);
  if (!written) return written;
  const std::string timeline = run.timeline->json(run.result.summary.workers, run.result.info.epoch_ns);
  written = measure::write_file(folder + "/timeline.json", timeline);
  if (!written || !run.result.summary.explain) return written;
  return measure::write_file(folder + "/explain.jsonl",
                             measure::explain_lines(run.records, run.explanations, run.result.summary.slo));
}

// One run writes into the folder itself, several each into one of their own, named by recipe; beside them the report of all.
Result<void> write_all(const std::string& folder, const std::vector<SimulatedRun>& runs) {
  std::set<std::string> taken;
  std::vector<std::string> places;
  for (const SimulatedRun& run : runs) {
    std::string place = folder;
    if (runs.size() > 1) {
      std::string name = run.result.info.recipe;
      for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{}-{}", run.result.info.recipe, n);
      place += "/" + name;
    }
    if (auto written = write_one(place, run); !written) return written;
    places.push_back(place);
  }
  return report::write_html_report(places, folder + "/report.html");
}

std::vector<measure::RunResult> results_of(const std::vector<SimulatedRun>& runs) {
  std::vector<measure::RunResult> results;
  results.reserve(runs.size());
  for (const SimulatedRun& run : runs) results.push_back(run.result);
  return results;
}

ExitCode run_search(const SimulateOptions& options, std::span<const Case> cases, const Traffic& traffic,
                    std::span<const Requirement> goals) {
  const auto found = find_speeds(cases, traffic, goals, options.study.jobs);
  if (!found) return report_errors(found.error());
  fmt::print("{}", options.json ? report::find_json(*found, options.study.require)
                                : report::find_report(*found, options.study.require, wants_color()));
  return ExitCode::success;
}

ExitCode run_and_report(const SimulateOptions& options, std::span<const Case> cases, const Traffic& traffic) {
  std::optional<measure::RunMark> mark;  // before the run: a folder that cannot be written is known now
  if (!options.output_dir.empty()) {
    auto set = measure::RunMark::set(options.output_dir);
    if (!set) return report_errors(set.error());
    mark.emplace(*std::move(set));
  }
  // A grid may have thousands of runs: of each only the figures stay, unless its records are to be written.
  const auto forget = [](SimulatedRun& run) {
    run.records = std::vector<measure::RequestRecord>();  // `= {}` would keep the memory
    run.explanations = std::vector<measure::Explanation>();
  };
  auto runs = run_cases(cases, traffic, options.study.jobs,
                        options.output_dir.empty() ? std::function<void(SimulatedRun&)>(forget) : nullptr);
  if (!runs) return report_errors(runs.error());
  std::optional<report::Draws> draws;
  if (options.study.draws > 0) {
    auto drawn = run_draws(cases, traffic, options.study.draws, options.study.jobs, report::labels_of(results_of(*runs)));
    if (!drawn) return report_errors(drawn.error());
    draws = *std::move(drawn);
    for (std::size_t i = 0; i < runs->size(); ++i) (*runs)[i].result.summary.drawn_goodput = draws->goodput[i];
  }
  if (mark) {
    const auto written = write_all(options.output_dir, *runs).and_then([&] { return mark->clear(); });
    if (!written) return report_errors(written.error());
  }
  const std::vector<measure::RunResult> results = results_of(*runs);
  const report::Draws* told = draws ? &*draws : nullptr;
  fmt::print("{}", options.json ? report::json_report(results, told) : report::terminal_report(results, wants_color(), told));
  return ExitCode::success;
}

}  // namespace

ExitCode run(const SimulateOptions& options) {
  std::vector<Requirement> goals;
  for (const std::string& text : options.study.require) {
    auto goal = parse_requirement(text);
    if (!goal) return report_errors(goal.error());
    if (goal->figure == "lag_ms") {
      return report_errors(fail(fmt::format("--require {}: virtual time knows no lag, which replay measures", text)).value());
    }
    goals.push_back(*std::move(goal));
  }
  const auto cases = cases_of(options);
  if (!cases) return report_errors(cases.error());
  const auto traffic = load_traffic(options, cases->front().deployment->recipe);
  if (!traffic) return report_errors(traffic.error());
  return goals.empty() ? run_and_report(options, *cases, *traffic) : run_search(options, *cases, *traffic, goals);
}

}  // namespace infbench::cli
