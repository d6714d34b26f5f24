// trace analyze, fetch, slice and synthesize.
#include <cmath>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/literal_prompts.h"
#include "cli/workload.h"
#include "report/text.h"
#include "trace/analyze.h"
#include "trace/read.h"
#include "trace/slice.h"
#include "trace/synthesize.h"
#include "trace/write.h"

namespace infbench::cli {
namespace {

void write_lengths(JsonWriter& json, std::string_view name, const trace::LengthStats& lengths) {
  json.key(name);
  json.begin_object();
  json.member("mean", lengths.mean);
  json.member("min", lengths.min);
  json.member("p50", lengths.p50);
  json.member("p90", lengths.p90);
  json.member("p99", lengths.p99);
  json.member("max", lengths.max);
  json.end_object();
}

std::string as_json(const std::string& file, const trace::ReadTrace& read, const trace::Analysis& analysis) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("trace", std::string_view(file));
  json.member("sha256", std::string_view(read.sha256));
  json.member("stand_in_trace", !read.trace.stand_in().empty());
  json.member("requests", analysis.requests);
  json.member("later_turns", analysis.later_turns);
  json.member("literal_prompts", static_cast<std::int64_t>(read.trace.literal_prompts()));
  json.member("duration_s", to_s(analysis.duration));
  json.member("rate_per_s", analysis.rate_per_s);
  write_lengths(json, "input_tokens", analysis.input);
  write_lengths(json, "output_tokens", analysis.output);
  json.member("total_blocks", analysis.total_blocks);
  json.member("unique_blocks", analysis.unique_blocks);
  json.member("reused_blocks", analysis.reused_blocks);
  json.member("cache_efficiency_blocks", analysis.cache_efficiency_blocks);
  json.member("cache_efficiency_tokens", analysis.cache_efficiency_tokens);
  json.member("largest_burst", analysis.largest_burst);
  json.key("notes");
  json.begin_array();
  for (const std::string& note : read.notes) json.value(std::string_view(note));
  json.end_array();
  json.end_object();
  return out + "\n";
}

// 12031 -> "12,031"; with one decimal for means and percentiles.
std::string grouped(std::int64_t count) { return report::grouped(static_cast<double>(count), 0); }
std::string grouped(double number) { return report::grouped(static_cast<double>(std::llround(number * 10)) / 10, 1); }

std::string lengths_row(std::string_view name, const trace::LengthStats& lengths) {
  return fmt::format("  {:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", name, grouped(lengths.mean), grouped(lengths.min),
                     grouped(lengths.p50), grouped(lengths.p90), grouped(lengths.p99), grouped(lengths.max));
}

std::string as_table(const std::string& file, const trace::Trace& trace, const trace::Analysis& a) {
  std::string out;
  if (!trace.stand_in().empty()) {
    out += fmt::format("STAND-IN TRACE: synthesised to be like the {} trace, not real traffic\n", trace.stand_in());
  }
  out += fmt::format("{}\n", file);
  out += fmt::format("  {:<24}{:>12}\n", "requests", grouped(a.requests));
  if (a.later_turns > 0) out += fmt::format("  {:<24}{:>12}\n", "  later turns", grouped(a.later_turns));
  if (trace.literal_prompts() > 0) {
    out +=
        fmt::format("  {:<24}{:>12}\n", "  with literal prompts", grouped(static_cast<std::int64_t>(trace.literal_prompts())));
  }
  out += fmt::format("  {:<24}{:>12.2f} min\n", "duration", to_s(a.duration) / 60);
  out += fmt::format("  {:<24}{:>12.3f} /s\n", "rate", a.rate_per_s);
  out += fmt::format("  {:<24}{:>12} requests on one timestamp\n\n", "largest burst", grouped(a.largest_burst));
  out += fmt::format("  {:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "tokens", "mean", "min", "p50", "p90", "p99", "max");
  out += lengths_row("input", a.input) + lengths_row("output", a.output) + "\n";
  out += fmt::format("  {:<24}{:>12}  of {} tokens\n", "blocks", grouped(a.total_blocks), trace::kBlockTokens);
  out += fmt::format("  {:<24}{:>12}  different ones\n", "unique blocks", grouped(a.unique_blocks));
  out += fmt::format("  {:<24}{:>12}  of these, in more than one place\n", "reused blocks", grouped(a.reused_blocks));
  out +=
      fmt::format("  {:<24}{:>12.2f} % of the blocks were there before\n", "cache efficiency", a.cache_efficiency_blocks * 100);
  out += fmt::format("  {:<24}{:>12.2f} % weighted by tokens\n", "", a.cache_efficiency_tokens * 100);
  return out;
}

}  // namespace

ExitCode run(const TraceAnalyzeOptions& options) {
  const auto read = trace::read_trace(options.file, literal_prompts());
  if (!read) return report_errors(read.error());
  const trace::Analysis analysis = trace::analyze(read->trace);
  for (const std::string& note : read->notes) fmt::print(stderr, "{}: note: {}\n", options.file, note);
  fmt::print("{}", options.json ? as_json(options.file, *read, analysis) : as_table(options.file, read->trace, analysis));
  return ExitCode::success;
}

ExitCode run(const TraceFetchOptions& options) {
  const auto fetched = fetch_trace(options.workload, options.url, trace_environment());
  if (!fetched) return report_errors(fetched.error());
  if (fetched->url.empty()) {
    fmt::print(stderr, "it was there already, and its checksum is right\n");
  } else {
    fmt::print(stderr, "sha256 {}\n", fetched->sha256);
  }
  fmt::print("{}\n", fetched->path);
  return ExitCode::success;
}

ExitCode run(const TraceSynthesizeOptions& options) {
  const auto trace =
      trace::synthesize({.like = options.like, .requests = options.requests, .seed = options.seed, .speed = options.speed});
  if (!trace) return report_errors(trace.error());
  if (const auto written = trace::write_trace(*trace, options.output); !written) return report_errors(written.error());
  fmt::print(stderr, "wrote {}: {} requests, a stand-in for the {} trace\n", options.output, trace->size(), trace->stand_in());
  return ExitCode::success;
}

ExitCode run(const TraceSliceOptions& options) {
  const auto read = trace::read_trace(options.file, literal_prompts());
  if (!read) return report_errors(read.error());
  const auto ns = [](std::optional<double> s) {
    return s ? std::optional(Duration{static_cast<std::int64_t>(*s * 1e9 + 0.5)}) : std::nullopt;
  };
  const auto part = trace::slice(
      read->trace,
      {.from = ns(options.from_s), .to = ns(options.to_s), .requests = options.requests, .input_max = options.isl_max});
  if (!part) return report_errors(part.error());
  if (const auto written = trace::write_trace(*part, options.output); !written) return report_errors(written.error());
  fmt::print(stderr, "wrote {}: {} of {} requests\n", options.output, part->size(), read->trace.size());
  return ExitCode::success;
}

}  // namespace infbench::cli
