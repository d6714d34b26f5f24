#include "report/terminal.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "report/comparison.h"
#include "report/explain.h"
#include "report/figures.h"
#include "report/grid.h"
#include "report/live.h"
#include "report/text.h"
#include "report/verdict.h"

namespace infbench::report {
namespace {

constexpr std::size_t kMostErrorKinds = 3;
constexpr std::size_t kNameWidth = 32;
constexpr std::size_t kCell = 13;

std::string painted(std::string_view text, std::string_view code, bool color) {
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

// A name from the user, on at most half a line.
std::string name_of(std::string_view name) { return cut(printable(name), kColumns / 2); }

std::string traffic_of(const RunResult& run) {
  const measure::RunInfo& info = run.info;
  if (info.gpus == 0 && !info.simulated) {  // a server may not say how many it has
    return fmt::format("{}; trace {}, speed {}, seed {}; limits {}", name_of(info.model), name_of(info.trace),
                       shortest(info.speed), info.seed, limits_text(run.summary.slo));
  }
  return fmt::format("{} on {} GPUs; trace {}, speed {}, seed {}; limits {}", name_of(info.model), info.gpus,
                     name_of(info.trace), shortest(info.speed), info.seed, limits_text(run.summary.slo));
}

std::string deployment_of(const RunResult& run) {
  std::string out = fmt::format("{}; policy {}", name_of(run.info.topology), name_of(run.info.policy));
  if (!run.info.overrides.empty()) {
    out += "; set";
    for (const std::string& override : run.info.overrides) out += " " + name_of(override);
  }
  return out;
}

// Traffic once where all runs share it, then a line or two per run.
std::string inputs(std::span<const RunResult> runs, std::span<const std::string> labels, std::span<const std::string> heads) {
  const std::string traffic = traffic_of(runs[0]);
  const bool shared = std::all_of(runs.begin(), runs.end(), [&](const RunResult& run) { return traffic_of(run) == traffic; });
  std::string out;
  if (shared) out += wrap(traffic, kColumns, 2);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string lead = heads[i] == labels[i] ? "" : heads[i] + "  ";
    const std::string own = shared ? "" : "; " + traffic_of(runs[i]);
    out += wrap(fmt::format("{}{}: {}{}", lead, cut(labels[i], kColumns - 8), deployment_of(runs[i]), own), kColumns, 2);
  }
  return out + '\n';
}

// What all points of a grid share; the rest is in the table.
std::string grid_inputs(std::span<const RunResult> runs) {
  const measure::RunInfo& info = runs[0].info;
  return wrap(fmt::format("{} runs; trace {}; limits {}", runs.size(), name_of(info.trace), limits_text(runs[0].summary.slo)),
              kColumns, 2) +
         '\n';
}

std::string single_rows(std::span<const Figure> figures, const RunResult& run) {
  std::string out;
  for (const Figure& figure : figures) {
    out += pad_right(figure.name, kNameWidth) + pad_left(text_of(figure.of(run), figure, kCell - 1), kCell) + '\n';
  }
  return out;
}

std::string latency_table(const RunResult& run) {
  std::string out = pad_right("Latency (ms)", kNameWidth);
  for (const LatencyFigure& part : latency_figures()) out += pad_left(part.name, kCell);
  out += '\n';
  for (const Latency& latency : latencies()) {
    const measure::Stats& stats = run.summary.*latency.stats;
    out += pad_right(latency.name, kNameWidth);
    for (const LatencyFigure& part : latency_figures()) {
      out += pad_left(stats.empty() ? "-" : grouped(stats.*part.value, latency.decimals), kCell);
    }
    out += '\n';
  }
  return out;
}

std::string one_run(const RunResult& run) {
  return single_rows(goodput_figures(), run) + '\n' + latency_table(run) + '\n' + single_rows(throughput_figures(), run) +
         '\n' + (run.live ? live_block(run) + '\n' : "") + single_rows(cost_figures(), run);
}

std::string loads(std::span<const RunResult> runs, std::span<const std::string> labels) {
  std::string out;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string block = worker_loads(runs[i]);
    if (block.empty()) continue;
    if (out.empty()) out = "\n" + pad_right("Load of each worker", kNameWidth) + "      max/mean  worker by worker\n";
    if (runs.size() > 1) out += cut(labels[i], kColumns) + '\n';
    out += block;
  }
  return out;
}

std::string remarks(std::span<const RunResult> runs, std::span<const std::string> labels) {
  std::string out;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& errors = runs[i].summary.error_counts;
    for (std::size_t k = 0; k < std::min(errors.size(), kMostErrorKinds); ++k) {
      out += wrap(fmt::format("Error in {}: {} x {}", labels[i], errors[k].count, printable(errors[k].message)), kColumns, 2);
    }
    if (errors.size() > kMostErrorKinds) {
      out += wrap(fmt::format("Error in {}: and {} more kinds", labels[i], errors.size() - kMostErrorKinds), kColumns, 2);
    }
  }
  std::vector<std::string> said;
  for (const RunResult& run : runs) {
    for (const std::string& note : run.info.notes) {
      if (std::find(said.begin(), said.end(), note) != said.end()) continue;
      said.push_back(note);
      out += wrap("Note: " + printable(note), kColumns, 2);
    }
  }
  return out.empty() ? out : '\n' + out;
}

}  // namespace

std::string warnings_of(std::span<const RunResult> runs, bool color) {
  std::string out;
  if (std::any_of(runs.begin(), runs.end(), [](const RunResult& run) { return run.info.stand_in_trace; })) {
    out += painted("STAND-IN TRACE: synthesised, its figures match, but it is not the published trace", "1;33", color) + '\n';
  }
  if (std::any_of(runs.begin(), runs.end(), [](const RunResult& run) { return run.info.simulated; })) {
    out += painted("SIMULATED: by an engine model in virtual time, not measured on GPUs", "1;33", color) + '\n';
  }
  for (const RunResult& run : runs) {
    for (const std::string& line : validity_lines(run)) out += painted(wrap(line, kColumns, 2), "1;31", color);
  }
  return out + '\n';
}

std::string terminal_report(std::span<const RunResult> runs, bool color, const Draws* draws) {
  INFBENCH_CHECK(!runs.empty());
  const std::vector<std::string> labels = labels_of(runs);
  const std::vector<std::string> heads = runs.size() == 1 ? labels : heads_of(labels);
  const bool grid = is_grid(runs);
  std::string out = warnings_of(runs, color) + (grid ? grid_inputs(runs) : inputs(runs, labels, heads));
  if (grid) {
    out += grid_rows(runs, color);
  } else if (runs.size() == 1) {
    out += one_run(runs[0]);
  } else if (runs.size() <= kMostColumns) {
    out += comparison_columns(runs, heads, color);
  } else {
    out += comparison_rows(runs, labels, color);
  }
  if (!grid) out += loads(runs, labels);
  out += explain_block(runs, labels);
  if (draws != nullptr) out += draws_block(*draws);
  out += remarks(runs, labels);
  return out + '\n' + painted(verdict(runs), "1", color) + '\n';
}

}  // namespace infbench::report
