#include "report/html.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/output_file.h"
#include "report/chart_data.h"
#include "report/draws.h"
#include "report/html_tables.h"
#include "report/html_text.h"
#include "report/page_assets.h"
#include "report/text.h"
#include "report/verdict.h"

namespace infbench::report {
namespace {

using measure::RunInfo;

std::vector<RunResult> results_of(std::span<const FolderRun> runs) {
  std::vector<RunResult> results;
  for (const FolderRun& run : runs) results.push_back(run.run);
  return results;
}

bool any(std::span<const FolderRun> runs, bool (*is)(const FolderRun&)) { return std::any_of(runs.begin(), runs.end(), is); }

// The verdict without the word itself: it is the page's headline.
std::string headline(std::span<const RunResult> results) {
  std::string text = verdict(results);
  constexpr std::string_view kWord = "Verdict: ";
  if (text.starts_with(kWord)) text.erase(0, kWord.size());
  constexpr std::string_view kAtMost = "<=";
  for (std::size_t at = 0; (at = text.find(kAtMost, at)) != std::string::npos;) text.replace(at, kAtMost.size(), "\u2264");
  return text;
}

// How far the verdict can be trusted.
std::string certainty_of(std::span<const FolderRun> runs, Labels labels, const PageNotes& notes) {
  const std::string rest = notes.left_out.empty() ? "" : fmt::format("<p>{}</p>\n", escaped(notes.left_out));
  if (runs.size() == 1) return "";
  const std::string drawn = certainty(results_of(runs), labels);
  if (!drawn.empty()) return fmt::format("<p>{}</p>\n", escaped(drawn)) + rest;
  const RunInfo& first = runs[0].run.info;
  const bool one_traffic = std::all_of(runs.begin(), runs.end(), [&](const FolderRun& run) {
    return run.run.info.trace_sha256 == first.trace_sha256 && run.run.info.speed == first.speed &&
           run.run.summary.requests == runs[0].run.summary.requests;
  });
  std::string out = "Whether this difference is decided was not tested: one run of each, one seed.";
  if (!one_traffic) out = "The runs did not get the same traffic (see What was run): their figures may differ for that alone.";
  return fmt::format("<p>{}</p>\n", out) + rest;
}

std::string flag(std::string_view text, bool bad) {
  return fmt::format("<p class=\"flag{}\">{}</p>\n", bad ? " bad" : "", escaped(text));
}

// What no reader may overlook.
std::string flags(std::span<const FolderRun> runs, Labels labels) {
  std::string out;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!runs[i].run.live) continue;
    const std::string whose = runs.size() > 1 ? labels[i] + ": " : "";
    for (const std::string& why : runs[i].run.live->not_valid) out += flag("NOT VALID: " + whose + why, true);
  }
  if (any(runs, [](const FolderRun& r) { return r.run.info.stand_in_trace; })) {
    out += flag("STAND-IN TRACE: synthesised; its figures match those of the published trace, but it is not that trace", false);
  }
  const bool all_simulated = std::all_of(runs.begin(), runs.end(), [](const FolderRun& r) { return r.run.info.simulated; });
  if (all_simulated) {
    out += flag("SIMULATED: by an engine model in virtual time, not measured on GPUs", false);
  } else {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (runs[i].run.info.simulated) out += flag("SIMULATED, not measured on GPUs: " + labels[i], false);
    }
  }
  return out;
}

struct Section {
  std::string_view id, title;
  std::string body;  // empty: left out
};

std::string charts_host(std::string_view ids) { return fmt::format("<div class=\"charts\" id=\"{}\"></div>\n", ids); }

std::string how(std::string_view text) { return fmt::format("<p class=\"how\">{}</p>\n", text); }

std::string latency_section() {
  return how("How many of all requests would keep to a limit, for any limit you may choose: higher and further left is better. "
             "The dashed line is the limit of this run. A failed request keeps no limit, an answer of one token any ITL "
             "limit.") +
         "<div class=\"charts\"><figure id=\"curve-ttft\"></figure><figure id=\"curve-itl\"></figure></div>\n";
}

std::string points_section(std::span<const FolderRun> runs) {
  std::size_t succeeded = 0;
  for (const FolderRun& run : runs) {
    succeeded += static_cast<std::size_t>(
        std::count_if(run.requests.begin(), run.requests.end(), [](const RequestFigures& r) { return r.succeeded; }));
  }
  std::string out = how(succeeded <= kMostPoints
                            ? "Each dot is a request that succeeded."
                            : "Each dot is a request that succeeded; of dots that would lie on one another, one is drawn.");
  out += "<h3>Over time</h3>\n" + charts_host("ttft-time");
  out += "<h3>Over the part of the prompt that had to be computed</h3>\n" + charts_host("ttft-length");
  return out;
}

std::string lanes_section(std::span<const FolderRun> runs) {
  if (!any(runs, [](const FolderRun& r) { return !r.timeline.workers.empty(); })) return {};
  std::string text =
      "One row for each worker, all columns over the same time, one scale for a column over all rows and runs. Values are "
      "means "
      "over short spans (point at one to read it), so a moment's peak may be higher.";
  if (any(runs, [](const FolderRun& r) { return r.run.info.simulated; })) {
    text +=
        " KV in use is what requests hold; kept prefixes that nobody uses do not count. KV on its way: on a decode worker all "
        "requests for which it has set room aside and whose prompt is not there yet, on a prefill worker those whose last KV "
        "is "
        "being sent.";
  }
  if (any(runs, [](const FolderRun& r) { return !r.run.info.simulated; })) {
    text +=
        " Of a run over HTTP it is what the client saw: those that wait have no token yet, the decode batch are those that get "
        "tokens.";
  }
  return how(text) + "<div id=\"lanes\"></div>\n";
}

std::string loads_section(std::span<const FolderRun> runs, Labels labels) {
  std::string out;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string table = html_loads(runs[i]);
    if (table.empty()) continue;
    if (runs.size() > 1) out += fmt::format("<h3>{}</h3>\n", escaped(labels[i]));
    out += table;
  }
  if (out.empty()) return out;
  return how("What each worker did for requests that succeeded; bars are relative to the largest of their column.") + out;
}

std::string hits_section(std::span<const FolderRun> runs) {
  const bool bound = any(runs, [](const FolderRun& run) {
    return std::any_of(run.requests.begin(), run.requests.end(), [](const RequestFigures& r) { return r.cacheable >= 0; });
  });
  return how(bound
                 ? "Prompt tokens found in the cache of the worker that computed the prompt, by when the request was due; and "
                   "what one infinite cache of the whole deployment would have held."
                 : "Prompt tokens found in the cache of the worker that computed the prompt, as the server told, by when the "
                   "request was due.") +
         "<figure id=\"hits\"></figure>\n";
}

std::string client_section(std::span<const FolderRun> runs, Labels labels) {
  const std::string table = html_client(runs, labels);
  if (table.empty()) return {};
  return how("How well the load generator itself kept up: what it is late counts in every latency above.") + table +
         "<div class=\"charts\"><figure id=\"curve-lag\"></figure></div>\n";
}

std::vector<Section> sections_of(std::span<const FolderRun> runs, Labels labels) {
  const bool records = any(runs, [](const FolderRun& run) { return !run.requests.empty(); });
  std::vector<Section> sections = {{"goodput", "Goodput", html_goodput(runs, labels)}};
  if (records) {
    sections.push_back({"limits", "Limits", latency_section()});
    sections.push_back({"misses", "Why requests missed", html_misses(runs, labels) + html_causes(runs, labels)});
  } else {
    sections.push_back({"limits", "Requests", how("The run kept no records of its requests, so there are no charts of them.")});
  }
  sections.push_back({"figures", "Latency and throughput", html_latencies(runs, labels)});
  if (records) sections.push_back({"ttft", "TTFT of each request", points_section(runs)});
  sections.push_back({"workers", "Workers over time", lanes_section(runs)});
  sections.push_back({"load", "Load balance", loads_section(runs, labels)});
  if (records) sections.push_back({"prefix", "Prefix cache", hits_section(runs)});
  sections.push_back({"client", "The client", client_section(runs, labels)});
  sections.push_back({"inputs", "What was run", html_inputs(runs, labels)});
  std::erase_if(sections, [](const Section& section) { return section.body.empty(); });
  return sections;
}

std::string header(std::span<const FolderRun> runs, Labels labels, const std::string& verdict_text, const PageNotes& notes) {
  const std::string kind = runs.size() == 1 ? "one run" : fmt::format("{} runs side by side", runs.size());
  return fmt::format("<header>\n<p class=\"kicker\">infbench report, {}</p>\n<h1>{}</h1>\n{}{}</header>\n", kind,
                     escaped(verdict_text), certainty_of(runs, labels, notes), flags(runs, labels));
}

std::string document_head(const std::string& title) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; base-uri 'none'; form-action "
      "'none'; style-src '{}'; script-src '{}'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" "
      "content=\"infbench\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
      policy_hash(kPageStyle), policy_hash(kPageScript), escaped(title), kPageStyle);
}

Result<std::vector<FolderRun>> read_all(const std::vector<std::string>& folders, Parts parts) {
  std::vector<FolderRun> runs;
  Errors errors;
  for (const std::string& folder : folders) {
    auto run = read_run_folder(folder, parts);
    if (run) {
      runs.push_back(*std::move(run));
    } else {
      errors.insert(errors.end(), run.error().begin(), run.error().end());
    }
  }
  if (!errors.empty()) return fail(std::move(errors));
  return runs;
}

// The folders of the kMostRuns best runs, in the order given.
std::vector<std::string> best_of(const std::vector<std::string>& folders, std::span<const FolderRun> runs) {
  std::vector<std::size_t> places(runs.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  const auto goodput = [&](std::size_t i) { return runs[i].run.summary.goodput_fraction().value_or(-1); };
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return goodput(a) > goodput(b); });
  places.resize(kMostRuns);
  std::sort(places.begin(), places.end());
  std::vector<std::string> best;
  for (const std::size_t place : places) best.push_back(folders[place]);
  return best;
}

}  // namespace

std::string html_report(std::span<const FolderRun> runs, const PageNotes& notes) {
  INFBENCH_CHECK(!runs.empty());
  const std::vector<RunResult> results = results_of(runs);
  const std::vector<std::string> labels = labels_of(results);
  const auto sections = sections_of(runs, labels);
  std::string title = labels[0];
  for (std::size_t i = 1; i < labels.size(); ++i) title += " vs " + labels[i];
  std::string out = document_head(title + " - infbench");
  out += header(runs, labels, headline(results), notes);
  out += "<nav aria-label=\"Sections\">";
  for (const Section& section : sections) out += fmt::format("<a href=\"#{}\">{}</a>", section.id, section.title);
  out += "</nav>\n<main>\n";
  for (const Section& section : sections) {
    out += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", section.id, section.title, section.body);
  }
  out +=
      "</main>\n<footer><p>In every chart: drag to zoom in, double-click for all; with the keyboard Tab to a chart, then "
      "arrows, "
      "+ and -, Escape. Times count from when the first request was due.</p>\n"
      "<noscript><p>The charts need JavaScript; the tables do not.</p></noscript></footer>\n";
  out += "<script type=\"application/json\" id=\"data\">" + chart_data(runs, labels) + "</script>\n";
  out += fmt::format("<script>{}</script>\n</body>\n</html>\n", kPageScript);
  return out;
}

Result<void> write_html_report(const std::vector<std::string>& folders, const std::string& file, PageNotes notes) {
  const bool too_many = folders.size() > kMostRuns;
  auto runs = read_all(folders, too_many ? Parts::summary : Parts::all);
  if (too_many && runs) {
    notes.left_out = fmt::format("Shown are the {} best of {} runs.", kMostRuns, folders.size());
    runs = read_all(best_of(folders, *runs), Parts::all);
  }
  if (!runs) return fail(std::move(runs.error()));
  return write_file(file, html_report(*runs, notes), "choose another file with -o, or make room or permission there");
}

}  // namespace infbench::report
