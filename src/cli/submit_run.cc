#include "cli/submit_run.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/sha256.h"
#include "cli/deployment_text.h"
#include "cli/program_files.h"
#include "cli/workload.h"
#include "launch/port_block.h"
#include "launch/result.h"
#include "launch/run.h"
#include "launch/run_folder.h"
#include "launch/slurm_nodes.h"
#include "net/event_loop.h"
#include "plan/plan_output.h"
#include "recipe/secrets.h"
#include "recipe/yaml_resolved.h"
#include "report/html.h"
#include "trace/read.h"
#include "trace/slice.h"
#include "trace/write.h"

namespace infbench::cli {
namespace {

namespace fs = std::filesystem;

std::int64_t epoch_ms() { return net::to_epoch_ns(net::steady_now()) / 1'000'000; }

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// All that has to be held while a run lasts.
struct Prepared {
  launch::RunFolder folder;
  std::optional<launch::PortBlock> ports;
  plan::Plan plan;
  launch::Fingerprint fingerprint;
};

Result<launch::RunFolder> make_folder(const recipe::Recipe& recipe, const SubmitPlace& place) {
  const std::string parent = place.cluster.output_dir.value_or("outputs");
  if (!place.output_dir.empty()) return launch::RunFolder::create(place.output_dir, place.launcher == "srun");
  if (!place.job.empty()) return launch::RunFolder::create(parent + "/" + place.job, true);
  return launch::RunFolder::create_new(parent, recipe.name + (recipe.variant.empty() ? "" : "-" + recipe.variant), epoch_ms());
}

// The trace that the client replays, absolute: as it is, or a part of it made faster, in the run's folder.
Result<std::string> trace_for_client(const recipe::Recipe& recipe, const std::string& trace, const launch::RunFolder& folder) {
  const auto wanted = plan::prepared_trace(recipe);
  if (trace.empty() || !wanted) {
    std::error_code error;
    return trace.empty() ? trace : fs::absolute(trace, error).string();
  }
  const auto read = trace::read_trace(trace);
  if (!read) return fail(read.error());
  trace::SliceOptions part{.speed = wanted->speed};
  if (wanted->limit_seconds) part.to = Duration{std::llround(*wanted->limit_seconds * 1e9)};
  const auto sliced = trace::slice(read->trace, part);
  if (!sliced) return fail(sliced.error());
  const std::string path = folder.file("trace.jsonl");
  if (const auto written = trace::write_trace(*sliced, path); !written) return fail(written.error());
  return path;
}

Result<std::optional<launch::PortBlock>> take_ports(const recipe::Recipe& recipe, const SubmitPlace& place,
                                                    const std::string& bind) {
  if (place.launcher != "local" && !place.cluster.shared_host) return std::optional<launch::PortBlock>();
  auto ports = launch::PortBlock::take(plan::shared_ports(recipe), bind);
  if (!ports) return fail(ports.error());
  return std::optional(*std::move(ports));
}

std::string job_of(const SubmitPlace& place, const launch::RunFolder& folder) {
  return place.job.empty() ? folder.name() : place.job;
}

plan::Site site_of(const SubmitPlace& place, const launch::RunFolder& folder, const std::optional<launch::PortBlock>& ports,
                   const std::string& trace) {
  const bool local = place.launcher == "local";
  std::error_code error;
  return {.launcher = local ? plan::LauncherKind::local : plan::LauncherKind::slurm,
          .bind = local ? "127.0.0.1" : place.cluster.bind,
          .shared_host = local || place.cluster.shared_host,
          .port_base = ports ? ports->base() : 0,
          .job = job_of(place, folder),
          .output_dir = folder.path(),
          .program = own_program(),
          .data_dir = data_dir().value_or(""),
          .trace_file = trace,
          .working_dir = fs::current_path(error).string(),
          .cluster = place.cluster};
}

launch::RunStatus first_status(const recipe::Recipe& recipe, const SubmitPlace& place, const launch::RunFolder& folder) {
  return {.job = job_of(place, folder),
          .launcher = place.launcher,
          .recipe = recipe.name,
          .phase = "preparing",
          .waiting_for = {},
          .pid = ::getpid(),
          .host = launch::own_host(),
          .log_dir = {},
          .started_ms = epoch_ms(),
          .ended_ms = {},
          .exit_code = {},
          .reason = {}};
}

launch::Fingerprint fingerprint_of(const std::string& trace) {
  launch::Fingerprint fingerprint;
  fingerprint.version = INFBENCH_VERSION;
  fingerprint.host = launch::own_host();
  fingerprint.kernel = launch::own_kernel();
  if (const auto node = launch::own_node_facts({}); node) {
    fingerprint.gpus = node->gpus;
    fingerprint.driver = node->driver;
  }
  fingerprint.trace_file = trace;
  if (!trace.empty()) fingerprint.trace_sha256 = file_sha256(trace).value_or("");
  return fingerprint;
}

std::string plan_json(const plan::Plan& plan) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  plan::write_json(plan, json);
  return out + "\n";
}

Result<Prepared> prepare_run(const recipe::Recipe& recipe, const std::string& trace, const SubmitPlace& place,
                             const launch::RunFolder& folder) {
  const auto used = trace_for_client(recipe, trace, folder);
  if (!used) return fail(used.error());
  auto ports = take_ports(recipe, place, place.launcher == "local" ? "127.0.0.1" : place.cluster.bind);
  if (!ports) return fail(ports.error());
  auto plan = plan::make_plan(recipe, place.inventory, site_of(place, folder, *ports, *used));
  if (!plan) return fail(plan.error());
  // In a batch job the folder has the recipe as given already, and we run the resolved one.
  std::error_code error;
  const bool there = fs::exists(folder.file("recipe.yaml"), error);
  const Readers readers = recipe::has_secrets(recipe) ? Readers::owner : Readers::all;
  const std::string resolved = recipe::resolved_yaml(recipe::without_secrets(recipe));
  auto written = (there ? Result<void>() : folder.write("recipe.yaml", text_of_file(recipe.file), readers))
                     .and_then([&] { return folder.write(plan::kResolvedRecipe, resolved); })
                     .and_then([&] { return folder.write("plan.json", plan_json(*plan)); });
  if (!written) return fail(written.error());
  return Prepared{.folder = folder, .ports = *std::move(ports), .plan = *std::move(plan), .fingerprint = fingerprint_of(*used)};
}

// A line on stderr with the seconds since the start.
void say(Time start, std::string_view line) { fmt::print(stderr, "[{:7.1f} s] {}\n", to_s(net::steady_now() - start), line); }

Result<void> write_end(const Prepared& prepared, const launch::RunEnd& end, launch::RunStatus status,
                       const std::string& result) {
  launch::Fingerprint fingerprint = prepared.fingerprint;
  fingerprint.engine_version = end.engine_version;
  status.phase = launch::name_of(launch::Phase::ended);
  status.waiting_for = {};
  status.ended_ms = epoch_ms();
  status.exit_code = static_cast<int>(end.outcome.code);
  status.reason = end.outcome.reason;
  return prepared.folder.write("fingerprint.json", launch::to_json(fingerprint))
      .and_then([&] { return prepared.folder.write("result.json", result); })
      .and_then([&] { return prepared.folder.write("status.json", launch::to_json(status)); });
}

// What the client measured, as a page; without figures there is none.
Result<void> write_report(const launch::RunFolder& folder) {
  const auto runs = report::run_folders(folder.file("artifacts"));
  if (runs.empty()) return {};
  return report::write_html_report(runs, folder.file("report.html"));
}

}  // namespace

Result<std::string> find_benchmark_trace(const recipe::Recipe& recipe, const std::string& trace_dir) {
  if (recipe.benchmark.type == "mooncake-router") {
    return find_trace({.file = {}, .workload = recipe.benchmark.mooncake_workload, .trace_dir = trace_dir}, Download::no);
  }
  if (recipe.benchmark.type == "trace-replay") {
    return find_trace({.file = recipe.benchmark.trace_file, .workload = {}, .trace_dir = trace_dir}, Download::no);
  }
  return std::string();
}

Result<SubmitEnd> run_recipe(const recipe::Recipe& recipe, const std::string& trace, const SubmitPlace& place) {
  const auto folder = make_folder(recipe, place);
  if (!folder) return fail(folder.error());
  launch::RunStatus status = first_status(recipe, place, *folder);
  // Before any other file: from here on the folder says that there was a run in it.
  if (const auto written = folder->write("status.json", launch::to_json(status)); !written) return fail(written.error());
  auto prepared = prepare_run(recipe, trace, place, *folder);
  if (!prepared) {
    std::error_code ignored;
    fs::remove(folder->file("status.json"), ignored);  // there was none
    return fail(prepared.error());
  }
  const plan::Plan& plan = prepared->plan;
  const Time start = net::steady_now();
  say(start,
      fmt::format("{}: {}, {}; files in {}", recipe.name, topology_text(recipe), policy_text(recipe), prepared->folder.path()));
  status.log_dir = plan.log_dir;
  const auto end =
      launch::run_plan(plan, prepared->folder,
                       {.status = status, .say = [start](std::string_view line) { say(start, line); }, .ends_s = place.ends_s});
  if (!end) return fail(end.error());

  const auto figures = launch::read_client_figures(plan.benchmark.artifacts_dir);
  const launch::ClientFigures* read = figures ? &*figures : nullptr;
  const launch::RunVerdict verdict = launch::judge(end->outcome, plan, read);
  const launch::RunSubject subject{.recipe = recipe.name,
                                   .variant = recipe.variant,
                                   .policy = policy_text(recipe),
                                   .topology = topology_text(recipe),
                                   .client = recipe.benchmark.client,
                                   .gpus = gpus_of(plan),
                                   .trace_file = prepared->fingerprint.trace_file,
                                   .trace_sha256 = prepared->fingerprint.trace_sha256};
  SubmitEnd result{.code = end->outcome.code, .interrupted = end->outcome.interrupted, .text = {}, .json = {}};
  result.json = launch::result_json(subject, plan, end->outcome, verdict, read);
  result.text = launch::result_text(subject, plan, verdict, read);
  if (const auto written = write_end(*prepared, *end, status, result.json); !written) {
    fmt::print(stderr, "{}", format_errors(written.error()));  // the result is shown all the same: it may be all that is left
    if (result.code == ExitCode::success) result.code = ExitCode::bad_input;
  }
  if (const auto written = write_report(prepared->folder); !written) fmt::print(stderr, "{}", format_errors(written.error()));
  if (!end->last_words.empty()) fmt::print(stderr, "{}", end->last_words);
  if (!end->outcome.reason.empty()) fmt::print(stderr, "srtctl: {}\n", end->outcome.reason);
  return result;
}

}  // namespace infbench::cli
