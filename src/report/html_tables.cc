#include "report/html_tables.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "report/comparison.h"
#include "report/figures.h"
#include "report/html_text.h"
#include "report/text.h"
#include "report/verdict.h"

namespace infbench::report {
namespace {

using measure::LiveFigures;
using measure::RunInfo;
using measure::Stats;
using measure::WorkerLoad;
using Value = std::optional<double>;

// The line that stands for run `i` in charts, as page/report.css draws it.
std::string swatch(std::size_t i) {
  return fmt::format(R"(<svg class="key run{}" viewBox="0 0 26 8" aria-hidden="true"><path class="curve" d="M1 4H25"/></svg>)",
                     i % 6);
}

std::string head(Labels labels, std::string_view first, bool difference) {
  std::string out = fmt::format("<thead><tr><th scope=\"col\">{}</th>", first);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out += fmt::format(R"(<th scope="col" class="n">{}{}</th>)", labels.size() > 1 ? swatch(i) : "", escaped(labels[i]));
  }
  if (difference) out += R"(<th scope="col" class="n whole">difference</th>)";
  return out + "</tr></thead>\n";
}

std::string figure_row(const Figure& figure, std::span<const Value> values) {
  constexpr std::size_t kRoom = 20;
  const std::vector<bool> best = best_of(values, figure.better);
  std::string out = fmt::format(R"(<tr><th scope="row">{}</th>)", escaped(figure.name));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string exact = values[i] ? fmt::format(R"( data-value="{}")", shortest(*values[i])) : "";
    out += fmt::format(R"(<td class="n{}"{}>{}</td>)", best[i] ? " best" : "", exact, text_of(values[i], figure, kRoom));
  }
  if (values.size() == 2) out += fmt::format(R"(<td class="n">{}</td>)", difference_text(values, figure));
  return out + "</tr>\n";
}

std::string figure_rows(std::span<const Figure> figures, std::span<const FolderRun> runs) {
  std::string out = "<tbody>\n";
  for (const Figure& figure : figures) {
    std::vector<Value> values;
    for (const FolderRun& run : runs) values.push_back(figure.of(run.run));
    out += figure_row(figure, values);
  }
  return out + "</tbody>\n";
}

std::string latency_rows(std::span<const FolderRun> runs) {
  std::string out;
  for (const Latency& latency : latencies()) {
    out += "<tbody>\n";
    for (const LatencyFigure& part : latency_figures()) {
      const std::string name = fmt::format("{} {} (ms)", latency.name, part.name);
      std::vector<Value> values;
      for (const FolderRun& run : runs) {
        const Stats& stats = run.run.summary.*latency.stats;
        values.push_back(stats.empty() ? Value{} : Value{stats.*part.value});
      }
      out += figure_row({.name = name, .decimals = latency.decimals, .better = Better::lower, .of = nullptr}, values);
    }
    out += "</tbody>\n";
  }
  return out;
}

std::string table(std::string_view what, const std::string& rows) {
  return fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table aria-label=\"{0}\">\n{1}</table></div>\n",
      escaped(what), rows);
}

// Two cells: a number, and a bar that takes `share` of its column.
std::string bar_cells(const std::string& text, double share, double value) {
  const double filled = share > 0 ? std::min(share, 1.0) : 0;  // of figures that were read from a file; no NaN
  const int width = static_cast<int>(100 * filled + 0.5);
  return fmt::format(
      "<td class=\"n\" data-value=\"{}\">{}</td><td class=\"bar\"><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
      "aria-hidden=\"true\"><rect width=\"{}\" height=\"10\"/></svg></td>",
      shortest(value), text, width);
}

struct Misses {
  std::int64_t good = 0, ttft = 0, itl = 0, both = 0, errors = 0;
};

Misses misses_of(const FolderRun& run) {
  Misses m;
  for (const RequestFigures& r : run.requests) {
    if (!r.succeeded) {
      ++m.errors;
    } else if (r.ttft_within && r.itl_within) {
      ++m.good;
    } else if (r.itl_within) {
      ++m.ttft;
    } else if (r.ttft_within) {
      ++m.itl;
    } else {
      ++m.both;
    }
  }
  return m;
}

const MissCauses::Cause* find_cause(const FolderRun& run, std::string_view limit, std::string_view part) {
  for (const MissCauses& missed : run.causes) {
    if (missed.limit != limit) continue;
    for (const MissCauses::Cause& cause : missed.causes) {
      if (cause.part == part) return &cause;
    }
  }
  return nullptr;
}

std::string cause_row(std::span<const FolderRun> runs, const MissCauses& missed, const std::string& part) {
  std::string name = part;
  std::replace(name.begin(), name.end(), '_', ' ');
  std::string out = fmt::format(R"(<tr><th scope="row">{} missed: {}</th>)", missed.limit, escaped(name));
  for (const FolderRun& run : runs) {
    const MissCauses::Cause* cause = find_cause(run, missed.limit, part);
    const double count = cause != nullptr ? static_cast<double>(cause->requests) : 0;
    const bool has_mean = cause != nullptr && cause->mean_ms == cause->mean_ms;
    out += fmt::format(R"(<td class="n">{}</td>)", has_mean ? grouped(cause->mean_ms, 1) : "-");
    const double all = static_cast<double>(run.run.summary.requests);
    out += bar_cells(grouped(count, 0), all > 0 ? count / all : 0, count);
  }
  return out + "</tr>\n";
}

// The column of `value_of`, with bars relative to its largest.
using LoadValue = std::function<double(const WorkerLoad&)>;
struct LoadColumn {
  std::string_view head;
  LoadValue value_of;
  int decimals = 0;
};

std::vector<LoadColumn> load_columns(const measure::Summary& summary) {
  std::vector<LoadColumn> columns = {
      {"requests", [](const WorkerLoad& w) { return static_cast<double>(w.requests); }},
      {"computed prompt tokens", [](const WorkerLoad& w) { return static_cast<double>(w.uncomputed_tokens); }},
      {"output tokens", [](const WorkerLoad& w) { return static_cast<double>(w.output_tokens); }},
  };
  if (summary.kv_peak_fraction()) {
    columns.push_back({"peak KV (%)", [](const WorkerLoad& w) { return 100 * w.kv_peak_fraction().value_or(0); }, 1});
  }
  return columns;
}

std::string load_row(const WorkerLoad& load, std::span<const LoadColumn> columns, std::span<const double> most) {
  std::string out = fmt::format(R"(<tr><th scope="row">{}</th>)", escaped(load.info.name));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const double value = columns[i].value_of(load);
    out += bar_cells(grouped(value, columns[i].decimals), most[i] > 0 ? value / most[i] : 0, value);
  }
  return out + "</tr>\n";
}

using InfoText = std::function<std::string(const FolderRun&)>;

// Left out where no run has anything to say.
std::string input_row(std::string_view name, std::span<const FolderRun> runs, const InfoText& text_of_run) {
  std::string out = fmt::format(R"(<tr><th scope="row">{}</th>)", name);
  bool any = false;
  for (const FolderRun& run : runs) {
    const std::string text = text_of_run(run);
    any = any || !text.empty();
    out += fmt::format("<td>{}</td>", text.empty() ? "-" : escaped(text));
  }
  return any ? out + "</tr>\n" : "";
}

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
  return fmt::format("{}", fmt::join(texts, between));
}

std::string validity(const FolderRun& run) {
  if (!run.run.live) return "yes: virtual time has no client that could lag";
  if (run.run.live->not_valid.empty()) return "yes";
  return "NOT VALID: " + joined(run.run.live->not_valid, "; ");
}

std::string worker_kind(const RunInfo& info) {
  return info.simulated ? "simulated by an engine model in virtual time, not measured on GPUs" : "measured over HTTP";
}

std::string client_row(std::string_view name, std::span<const FolderRun> runs, int decimals, double (*of)(const LiveFigures&)) {
  std::string out = fmt::format(R"(<tr><th scope="row">{}</th>)", name);
  for (const FolderRun& run : runs) {
    const Value value = run.run.live ? Value{of(*run.run.live)} : Value{};
    out += fmt::format(R"(<td class="n">{}</td>)", value && *value == *value ? grouped(*value, decimals) : "-");
  }
  return out + "</tr>\n";
}

}  // namespace

std::string html_goodput(std::span<const FolderRun> runs, Labels labels) {
  std::string note;
  if (runs.size() > 1) note = "<p class=\"note\">* the best of its row.";
  if (runs.size() == 2) note += " Difference: the second minus the first; pt: points of 100 %.";
  return table("Goodput", head(labels, "", runs.size() == 2) + figure_rows(goodput_figures(), runs)) +
         (note.empty() ? "" : note + "</p>\n");
}

std::string html_latencies(std::span<const FolderRun> runs, Labels labels) {
  return table("Latency and throughput",
               head(labels, "", runs.size() == 2) + latency_rows(runs) + figure_rows(throughput_figures(), runs));
}

std::string html_misses(std::span<const FolderRun> runs, Labels labels) {
  struct Kind {
    std::string_view name;
    std::int64_t Misses::*count;
  };
  static constexpr Kind kKinds[] = {{"good: within both limits", &Misses::good},
                                    {"only TTFT missed", &Misses::ttft},
                                    {"only ITL missed", &Misses::itl},
                                    {"both missed", &Misses::both},
                                    {"failed", &Misses::errors}};
  std::string rows = "<thead><tr><th scope=\"col\">requests</th>";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    rows +=
        fmt::format(R"(<th scope="col" class="n" colspan="3">{}{}</th>)", runs.size() > 1 ? swatch(i) : "", escaped(labels[i]));
  }
  rows += "</tr></thead>\n<tbody>\n";
  for (const Kind& kind : kKinds) {
    rows += fmt::format(R"(<tr><th scope="row">{}</th>)", kind.name);
    for (const FolderRun& run : runs) {
      const auto count = static_cast<double>(misses_of(run).*kind.count);
      const double share = run.requests.empty() ? 0 : count / static_cast<double>(run.requests.size());
      rows += fmt::format(R"(<td class="n">{}</td>)", grouped(count, 0));
      rows += bar_cells(grouped(100 * share, 1) + " %", share, share);
    }
    rows += "</tr>\n";
  }
  return table("Why requests missed their limits", rows + "</tbody>\n");
}

std::string html_causes(std::span<const FolderRun> runs, Labels labels) {
  const auto explained = std::find_if(runs.begin(), runs.end(), [](const FolderRun& run) { return !run.causes.empty(); });
  if (explained == runs.end()) return {};
  std::string rows = "<thead><tr><th scope=\"col\">mean ms of each part, requests that it led in</th>";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    rows +=
        fmt::format(R"(<th scope="col" class="n" colspan="3">{}{}</th>)", runs.size() > 1 ? swatch(i) : "", escaped(labels[i]));
  }
  rows += "</tr></thead>\n";
  for (const MissCauses& missed : explained->causes) {
    rows += "<tbody>\n";
    for (const MissCauses::Cause& cause : missed.causes) rows += cause_row(runs, missed, cause.part);
    rows += "</tbody>\n";
  }
  return table("What took their time", rows);
}

std::string html_loads(const FolderRun& run) {
  const measure::Summary& summary = run.run.summary;
  if (summary.workers.empty()) return {};
  const auto columns = load_columns(summary);
  std::string rows = "<thead><tr><th scope=\"col\">worker</th>";
  std::vector<double> most(columns.size(), 0);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    rows += fmt::format(R"(<th scope="col" class="n">{}</th><th class="bar"></th>)", columns[i].head);
    for (const WorkerLoad& load : summary.workers) most[i] = std::max(most[i], columns[i].value_of(load));
  }
  rows += "</tr></thead>\n<tbody>\n";
  for (const WorkerLoad& load : summary.workers) rows += load_row(load, columns, most);
  rows += "</tbody>\n<tfoot>\n";
  for (const measure::RoleLoad& role : summary.roles) {
    const auto ratio = [](const Value& value) { return value ? grouped(*value, 2) : "-"; };
    rows += fmt::format(
        R"(<tr><th scope="row">{}: largest / mean</th><td class="n">{}</td><td></td><td class="n">{}</td><td></td>)",
        name_of(role.role), ratio(role.requests_max_over_mean), ratio(role.uncomputed_max_over_mean));
    for (std::size_t i = 2; i < columns.size(); ++i) rows += "<td></td><td></td>";
    rows += "</tr>\n";
  }
  return table("Load of each worker", rows + "</tfoot>\n");
}

std::string html_client(std::span<const FolderRun> runs, Labels labels) {
  if (std::none_of(runs.begin(), runs.end(), [](const FolderRun& run) { return run.run.live.has_value(); })) return {};
  std::string rows = head(labels, "", false) + "<tbody>\n";
  rows += client_row("Lag, due to first byte written: p50 (ms)", runs, 3, [](const LiveFigures& l) { return l.lag_ms.p50; });
  rows += client_row("Lag p99 (ms)", runs, 3, [](const LiveFigures& l) { return l.lag_ms.p99; });
  rows += client_row("Lag max (ms)", runs, 3, [](const LiveFigures& l) { return l.lag_ms.max; });
  rows += client_row("CPU of the client (% of a core)", runs, 1, [](const LiveFigures& l) { return 100 * l.cpu_fraction; });
  const auto count = [&](std::string_view name, double (*of)(const LiveFigures&)) { rows += client_row(name, runs, 0, of); };
  count("Connections opened", [](const LiveFigures& l) { return static_cast<double>(l.connections); });
  count("Chunks with text", [](const LiveFigures& l) { return static_cast<double>(l.chunks); });
  count("Of these, read together", [](const LiveFigures& l) { return static_cast<double>(l.chunks_together); });
  count("Answers shorter than asked for", [](const LiveFigures& l) { return static_cast<double>(l.truncated); });
  count("Not sent", [](const LiveFigures& l) { return static_cast<double>(l.not_sent); });
  return table("The client", rows + "</tbody>\n");
}

std::string html_inputs(std::span<const FolderRun> runs, Labels labels) {
  std::string rows = "<thead><tr><th scope=\"col\"></th>";
  for (const std::string& label : labels) rows += fmt::format(R"(<th scope="col">{}</th>)", escaped(label));
  rows += "</tr></thead>\n<tbody>\n";
  const auto row = [&](std::string_view name, const InfoText& text) { rows += input_row(name, runs, text); };
  row("How", [](const FolderRun& r) { return worker_kind(r.run.info); });
  row("Valid", validity);
  row("Interrupted", [](const FolderRun& r) { return r.run.info.interrupted ? "yes: a part of the traffic" : ""; });
  row("Recipe", [](const FolderRun& r) { return r.run.info.recipe_path; });
  row("Changed by --set", [](const FolderRun& r) { return joined(r.run.info.overrides, ", "); });
  row("Topology", [](const FolderRun& r) { return r.run.info.topology; });
  row("Policy", [](const FolderRun& r) { return r.run.info.policy; });
  row("Model", [](const FolderRun& r) { return r.run.info.model; });
  row("GPUs", [](const FolderRun& r) { return r.run.info.gpus > 0 ? std::to_string(r.run.info.gpus) : ""; });
  row("Trace", [](const FolderRun& r) {
    return r.run.info.trace + (r.run.info.stand_in_trace ? " (a synthesised stand-in, not the published trace)" : "");
  });
  row("SHA-256 of the trace", [](const FolderRun& r) { return r.run.info.trace_sha256; });
  row("Speed", [](const FolderRun& r) { return shortest(r.run.info.speed); });
  row("Seed", [](const FolderRun& r) { return std::to_string(r.run.info.seed); });
  row("Limits", [](const FolderRun& r) { return limits_text(r.run.summary.slo); });
  row("Written by", [](const FolderRun& r) { return r.run.info.generator; });
  row("Errors", [](const FolderRun& r) {
    std::vector<std::string> texts;
    for (const auto& error : r.run.summary.error_counts) texts.push_back(fmt::format("{} x {}", error.count, error.message));
    return joined(texts, "; ");
  });
  row("Notes", [](const FolderRun& r) { return joined(r.run.info.notes, "; "); });
  return table("What was run", rows + "</tbody>\n");
}

}  // namespace infbench::report
