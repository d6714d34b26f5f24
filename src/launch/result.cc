#include "launch/result.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json_writer.h"

namespace infbench::launch {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

// By JSON pointer: "/ttft_ms/p50".
std::optional<double> number_at(element document, std::string_view pointer) {
  double number = 0;
  if (document.at_pointer(pointer).get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

std::optional<std::int64_t> count_at(element document, std::string_view pointer) {
  const auto number = number_at(document, pointer);
  if (!number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

void read_ours(element document, ClientFigures& figures) {
  figures.requests = count_at(document, "/requests");
  figures.errors = count_at(document, "/errors");
  figures.goodput_fraction = number_at(document, "/goodput_fraction");
  figures.goodput_rps = number_at(document, "/goodput_rps");
  figures.ttft_p50 = number_at(document, "/ttft_ms/p50");
  figures.ttft_p99 = number_at(document, "/ttft_ms/p99");
  figures.itl_p50 = number_at(document, "/itl_ms/p50");
  figures.itl_p99 = number_at(document, "/itl_ms/p99");
  figures.output_tokens_per_s = number_at(document, "/output_tokens_per_s");
  simdjson::dom::array reasons;
  if (document.at_pointer("/live/not_valid").get(reasons) != simdjson::SUCCESS) return;
  for (const element reason : reasons) {
    std::string_view text;
    if (reason.get(text) == simdjson::SUCCESS) figures.not_valid.emplace_back(text);
  }
}

// aiperf counts good requests among all that ended, by its own rules (docs/replay.md).
void read_aiperf(element document, ClientFigures& figures) {
  const std::int64_t succeeded = count_at(document, "/request_count/avg").value_or(0);
  figures.errors = count_at(document, "/error_request_count/avg").value_or(0);
  figures.requests = succeeded + *figures.errors;
  const auto good = number_at(document, "/good_request_count/avg");
  if (good && *figures.requests > 0) figures.goodput_fraction = *good / static_cast<double>(*figures.requests);
  figures.goodput_rps = number_at(document, "/goodput/avg");
  figures.ttft_p50 = number_at(document, "/time_to_first_token/p50");
  figures.ttft_p99 = number_at(document, "/time_to_first_token/p99");
  figures.itl_p50 = number_at(document, "/inter_token_latency/p50");
  figures.itl_p99 = number_at(document, "/inter_token_latency/p99");
  figures.output_tokens_per_s = number_at(document, "/output_token_throughput/avg");
  bool cancelled = false;
  if (document["was_cancelled"].get(cancelled) == simdjson::SUCCESS && cancelled) {
    figures.not_valid.emplace_back("the client was cancelled");
  }
}

Result<ClientFigures> read_figures(const fs::path& path, bool ours) {
  simdjson::dom::parser parser;
  element document;
  if (parser.load(path.string()).get(document) != simdjson::SUCCESS || !document.is_object()) {
    return fail(Error{.what = "expected the client's summary as JSON", .hint = {}, .file = path.string(), .source_line = {}});
  }
  ClientFigures figures{.file = path.string(),
                        .json = simdjson::minify(document),
                        .requests = {},
                        .errors = {},
                        .goodput_fraction = {},
                        .goodput_rps = {},
                        .ttft_p50 = {},
                        .ttft_p99 = {},
                        .itl_p50 = {},
                        .itl_p99 = {},
                        .output_tokens_per_s = {},
                        .not_valid = {}};
  if (ours) {
    read_ours(document, figures);
  } else {
    read_aiperf(document, figures);
  }
  return figures;
}

void write_strings(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name);
  json.begin_array();
  for (const std::string& text : texts) json.value(std::string_view(text));
  json.end_array();
}

}  // namespace

Result<ClientFigures> read_client_figures(const std::string& artifacts_dir) {
  std::error_code error;
  const fs::path ours = fs::path(artifacts_dir) / "summary.json";
  if (fs::exists(ours, error)) return read_figures(ours, true);
  const fs::path theirs = fs::path(artifacts_dir) / "profile_export_aiperf.json";
  if (fs::exists(theirs, error)) return read_figures(theirs, false);
  return fail(fmt::format("the client left no summary in {}", artifacts_dir));
}

RunVerdict judge(const Outcome& outcome, const plan::Plan& plan, const ClientFigures* figures) {
  RunVerdict verdict;
  const bool measured = outcome.code == ExitCode::success || outcome.code == ExitCode::limit_missed;
  if (!measured && !outcome.reason.empty()) verdict.not_valid.push_back(outcome.reason);
  if (figures != nullptr) {
    verdict.not_valid.insert(verdict.not_valid.end(), figures->not_valid.begin(), figures->not_valid.end());
    if (figures->requests == 0) verdict.not_valid.emplace_back("no request was sent");
  } else if (!plan.benchmark.command) {
    verdict.not_valid.emplace_back("nothing was measured: the benchmark is manual");
  } else if (plan.benchmark.type != "custom" && measured) {
    verdict.not_valid.emplace_back("the client left no summary");
  }
  verdict.valid = verdict.not_valid.empty();
  return verdict;
}

std::string result_json(const RunSubject& subject, const plan::Plan& plan, const Outcome& outcome, const RunVerdict& verdict,
                        const ClientFigures* figures) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("valid", verdict.valid);
  write_strings(json, "not_valid", verdict.not_valid);
  json.member("exit_code", static_cast<int>(outcome.code));
  json.member("reason", std::string_view(outcome.reason));
  json.member("interrupted", outcome.interrupted);
  json.member("job", std::string_view(plan.site.job));
  json.member("output_dir", std::string_view(plan.site.output_dir));
  json.member("recipe", std::string_view(subject.recipe));
  json.member("variant", std::string_view(subject.variant));
  json.member("policy", std::string_view(subject.policy));
  json.member("topology", std::string_view(subject.topology));
  json.member("model", std::string_view(plan.benchmark.model));
  json.member("gpus", subject.gpus);
  json.key("limits");
  json.begin_object();
  json.member("ttft_ms", plan.benchmark.ttft_threshold_ms);
  json.member("itl_ms", plan.benchmark.itl_threshold_ms);
  json.end_object();
  json.member("client", std::string_view(subject.client));
  json.key("trace");
  json.begin_object();
  json.member("file", std::string_view(subject.trace_file));
  json.member("sha256", std::string_view(subject.trace_sha256));
  json.end_object();
  json.member("goodput_fraction", figures == nullptr ? std::nullopt : figures->goodput_fraction);
  json.key("summary");
  if (figures == nullptr) {
    json.null();
  } else {
    json.raw(figures->json);
  }
  write_strings(json, "notes", outcome.notes);
  json.end_object();
  return out + "\n";
}

std::string result_text(const RunSubject& subject, const plan::Plan& plan, const RunVerdict& verdict,
                        const ClientFigures* figures) {
  std::string out = fmt::format("{}{}{}: {}, {}, {} GPUs\n", subject.recipe, subject.variant.empty() ? "" : " ",
                                subject.variant, subject.topology, subject.policy, subject.gpus);
  const auto shown = [](const auto& number, const char* unit) {
    return number ? fmt::format("{:.1f}{}", static_cast<double>(*number), unit) : std::string("-");
  };
  if (figures != nullptr) {
    std::optional<double> percent = figures->goodput_fraction;
    if (percent) *percent *= 100;
    out += fmt::format("  goodput     {} of {} requests within TTFT {} ms and ITL {} ms ({} requests/s)\n",
                       shown(percent, " %"), figures->requests.value_or(0), plan.benchmark.ttft_threshold_ms,
                       plan.benchmark.itl_threshold_ms, shown(figures->goodput_rps, ""));
    out += fmt::format("  TTFT        p50 {}, p99 {}\n", shown(figures->ttft_p50, " ms"), shown(figures->ttft_p99, " ms"));
    out += fmt::format("  ITL         p50 {}, p99 {}\n", shown(figures->itl_p50, " ms"), shown(figures->itl_p99, " ms"));
    out += fmt::format("  errors      {}\n", figures->errors.value_or(0));
    out += fmt::format("  throughput  {} output tokens/s\n", shown(figures->output_tokens_per_s, ""));
  }
  out += verdict.valid ? "  the result is valid\n" : "";
  for (const std::string& why : verdict.not_valid) out += fmt::format("  NOT VALID: {}\n", why);
  return out + fmt::format("  files       {}\n", plan.site.output_dir);
}

}  // namespace infbench::launch
