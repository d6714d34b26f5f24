// replay: the load generator. Check everything, wait for the server, warm it up, send, measure, judge.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/replay_progress.h"
#include "cli/replay_setup.h"
#include "live/http_call.h"
#include "live/replay_inputs.h"
#include "live/replay_metrics.h"
#include "measure/artifacts.h"
#include "measure/export_aiperf.h"
#include "measure/output_folder.h"
#include "measure/run_mark.h"
#include "measure/timeline.h"
#include "measure/timeslices.h"
#include "report/html.h"
#include "report/json.h"
#include "report/terminal.h"
#include "trace/pages.h"

namespace infbench::cli {
namespace {

// The record files of a run, while they grow.
class RecordLog {
 public:
  static Result<RecordLog> open(const ReplayOptions& options, const ReplaySetup& setup) {
    RecordLog log(setup);
    const std::string name = options.export_prefix.empty() ? "profile_export" : options.export_prefix;
    Result<void> opened;
    if (options.export_level != "summary") opened = open_file(options.artifact_dir, name + ".jsonl", log.file_);
    if (opened && options.export_level == "raw") opened = open_file(options.artifact_dir, name + "_raw.jsonl", log.raw_);
    if (!opened) return fail(std::move(opened.error()));
    return log;
  }

  void add(const measure::LiveRecord& live) {
    const bool well = is_well();
    if (file_) {
      line_.clear();
      lines_->append(live, line_);
      file_->append(line_);
    }
    if (raw_) {
      line_.clear();
      lines_->append_raw(live, line_);
      raw_->append(line_);
    }
    if (well && !is_well()) {
      fmt::print(stderr, "\nsrtctl: records cannot be written any more, the run goes on for its figures\n");
    }
  }
  bool is_well() const { return !(file_ && !file_->well()) && !(raw_ && !raw_->well()); }
  Result<void> finish() {
    Result<void> finished = file_ ? file_->finish() : Result<void>{};
    if (finished && raw_) finished = raw_->finish();
    return finished;
  }

 private:
  static Result<void> open_file(const std::string& folder, const std::string& name,
                                std::optional<measure::LiveRecordFile>& into) {
    auto file = measure::LiveRecordFile::create(folder, name);
    if (!file) return fail(std::move(file.error()));
    into.emplace(*std::move(file));
    return {};
  }
  explicit RecordLog(const ReplaySetup& setup)
      : frame_(std::make_unique<measure::Summary>(measure::summarize({}, setup.slo, workers_of(setup), setup.info.gpus))),
        lines_(std::make_unique<measure::RecordLines>(setup.info, *frame_)) {}

 public:
  // With several servers each stands in the place of a worker.
  static std::vector<measure::WorkerInfo> workers_of(const ReplaySetup& setup) {
    std::vector<measure::WorkerInfo> workers;
    if (setup.live.sender.targets.size() < 2) return workers;
    for (const live::Target& target : setup.live.sender.targets) workers.push_back({.name = target.url});
    return workers;
  }

 private:
  std::unique_ptr<measure::Summary> frame_;  // limits and names, which lines need
  std::unique_ptr<measure::RecordLines> lines_;
  std::optional<measure::LiveRecordFile> file_;
  std::optional<measure::LiveRecordFile> raw_;
  std::string line_;
};

// Fresh prompts, so that the trace's are not in the server's cache afterwards. False: it was interrupted.
bool warm_up(net::EventLoop& loop, const ReplayOptions& options, const ReplaySetup& setup, RecordLog& log) {
  constexpr std::uint64_t kOtherPrompts = 0x7761726d7570ULL;
  live::ReplayOptions live = setup.live;
  live.sender.prompt_seed ^= kOtherPrompts;
  live.sender.request.id_seed ^= kOtherPrompts;
  live.duration.reset();
  const trace::Request like = setup.trace.request({0});
  const trace::Trace trace = synthetic_trace(options.warmup_requests, std::min<Tokens>(like.new_input, 4096), like.output, 0);
  const int at_once = options.warmup_concurrency.value_or(options.concurrency.value_or(1));
  const auto schedule = live::closed_loop(trace, trace.size(), at_once);
  ReplayProgressLine progress(options.ui != "none", "warming up", setup.slo, {});
  live::ReplayHooks hooks;
  hooks.on_progress = [&](const live::ReplayProgress& now) { progress.on_progress(now); };
  hooks.on_record = [&log](measure::LiveRecord record) {
    record.warmup = true;
    record.record.worker.reset();
    log.add(record);
  };
  const auto outcome = live::replay(loop, live, trace, *setup.words, schedule, hooks);
  return !outcome.figures.interrupted;
}

// /metrics of the servers and of the addresses given, collected while it lives.
class MetricsLog {
 public:
  MetricsLog(net::EventLoop& loop, const ReplayOptions& options, const ReplaySetup& setup)
      : folder_(options.artifact_dir),
        name_(options.export_prefix.empty() ? "server_metrics_export" : options.export_prefix + "_server_metrics"),
        collector_(loop, setup.metrics_targets, setup.live.sender.request.headers, setup.info.epoch_ns,
                   [this](std::string_view line) { on_line(line); }) {}

  void start() { collector_.start(); }
  void finish() { collector_.finish(); }

  // Nothing is written when no server has metrics.
  Result<void> write(const measure::RunResult& run) {
    if (collector_.metrics().empty()) return {};
    if (problem_) return fail(*problem_);
    if (file_) {
      if (auto finished = file_->finish(); !finished) return finished;
    }
    return measure::write_file(folder_ + "/" + name_ + ".json",
                               collector_.metrics().json(run.info, run.summary, collector_.configured()));
  }

 private:
  void on_line(std::string_view line) {
    if (problem_) return;
    if (!file_) {
      auto file = measure::LiveRecordFile::create(folder_, name_ + ".jsonl");
      if (!file) {
        problem_ = std::move(file.error());
        return;
      }
      file_.emplace(*std::move(file));
    }
    file_->append(line);
  }

  std::string folder_;
  std::string name_;
  std::optional<measure::LiveRecordFile> file_;
  std::optional<Errors> problem_;
  live::MetricsCollector collector_;
};

// What a reader of the figures should know, and cannot see in them.
void add_notes(const ReplayOptions& options, measure::RunResult& run) {
  const auto other = static_cast<double>(run.live->token_mismatch);
  const auto answers = static_cast<double>(run.summary.succeeded);
  if (!options.use_server_token_count && other > 0.01 * answers) {
    run.info.notes.push_back(
        fmt::format("the server counts other lengths than the client for {} of {} answers: see --use-server-token-count",
                    run.live->token_mismatch, run.summary.succeeded));
  }
  if (options.use_server_token_count && run.live->not_counted > 0) {
    run.info.notes.push_back(
        fmt::format("{} answers came without the server's count: they have the client's", run.live->not_counted));
  }
}

measure::RunResult judge(const ReplayOptions& options, const ReplaySetup& setup, live::ReplayOutcome& outcome) {
  measure::RunResult run;
  run.info = setup.info;
  run.info.interrupted = outcome.figures.interrupted;
  run.summary = measure::summarize(outcome.records, setup.slo, RecordLog::workers_of(setup), setup.info.gpus);
  measure::add_run_figures(outcome.records, outcome.figures, run.summary);
  run.cost = {.wall_s = to_s(outcome.end - outcome.start), .cpu_s = outcome.figures.cpu_s};
  run.live = std::move(outcome.figures);
  run.live->not_valid = measure::invalid_because(run.summary, *run.live,
                                                 {.lag_p99_ms = options.max_lag_ms,
                                                  .error_fraction = options.max_error_fraction,
                                                  .truncated_fraction = options.max_truncated_fraction});
  add_notes(options, run);
  return run;
}

Result<void> write_slices(const ReplayOptions& options, const measure::RunResult& run,
                          std::span<const measure::RequestRecord> records) {
  if (!options.slice_s || records.empty()) return {};
  const Duration length{std::max<std::int64_t>(1, static_cast<std::int64_t>(*options.slice_s * 1e9))};
  const auto slices = measure::timeslices(records, run.summary, length);
  const std::string name = options.artifact_dir + "/" +
                           (options.export_prefix.empty() ? "profile_export_aiperf" : options.export_prefix) + "_timeslices";
  return measure::write_file(name + ".json", measure::timeslices_json(run.info, run.summary, slices)).and_then([&] {
    return measure::write_file(name + ".csv", measure::timeslices_csv(run.info, slices));
  });
}

// timeline.json, and the page made of all files of the run.
Result<void> write_report(const ReplayOptions& options, const ReplaySetup& setup, const measure::RunResult& run,
                          std::span<const measure::RequestRecord> records) {
  constexpr Tokens kPage = 64;
  std::vector<measure::WorkerLoad> servers = run.summary.workers;
  if (servers.empty()) {
    servers.emplace_back();
    servers[0].info.name = "server";
  }
  measure::Timeline timeline = measure::timeline_of(records, servers.size());
  timeline.set_cacheable(trace::infinite_cache_hits(setup.trace, kPage));
  return measure::write_file(options.artifact_dir + "/timeline.json", timeline.json(servers, run.info.epoch_ns)).and_then([&] {
    return report::write_html_report({options.artifact_dir}, options.artifact_dir + "/report.html");
  });
}

// Of a closed loop it is known that all of them will be open at once.
std::size_t files_needed(const ReplaySetup& setup) {
  constexpr std::size_t kOthers = 24;
  constexpr std::size_t kOfALoop = 6;
  const std::size_t loops = kOthers + kOfALoop * static_cast<std::size_t>(setup.live.threads);
  const bool closed = setup.info.phase_type == "concurrency" && setup.schedule.in_flight_max.has_value();
  if (!closed) return loops;
  return loops + std::min(static_cast<std::size_t>(*setup.schedule.in_flight_max), setup.schedule.sends.size());
}

ExitCode verdict_code(const ReplaySetup& setup, const measure::RunResult& run) {
  bool all_met = true;
  for (const Requirement& requirement : setup.requirements) {
    const std::string how = missed(requirement, run);
    if (how.empty()) continue;
    all_met = false;
    fmt::print(stderr, "srtctl: {}\n", how);
  }
  if (run.live->interrupted) return ExitCode::interrupted;
  for (const std::string& why : run.live->not_valid) fmt::print(stderr, "srtctl: the result is not valid: {}\n", why);
  if (!run.live->not_valid.empty()) return ExitCode::not_valid;
  return all_met ? ExitCode::success : ExitCode::limit_missed;
}

}  // namespace

ExitCode run(const ReplayOptions& options) {
  auto setup = set_up(options);
  if (!setup) return report_errors(setup.error());
  if (const auto files = raise_file_limit(files_needed(*setup)); !files) {
    return report_errors(files.error(), ExitCode::cannot_launch);
  }
  setup->live.sender.request.id_seed = measure::request_id_seed(setup->info, setup->slo);
  auto mark = measure::RunMark::set(options.artifact_dir, options.export_prefix);
  if (!mark) return report_errors(mark.error());
  auto log = RecordLog::open(options, *setup);
  if (!log) return report_errors(log.error());

  net::EventLoop loop;
  if (options.wait_for_model_s > 0) {
    const auto& sender = setup->live.sender;
    if (options.ui != "none") fmt::print(stderr, "waiting for the server to have {}\n", options.model);
    const Duration patience{static_cast<std::int64_t>(options.wait_for_model_s * 1e9)};
    const auto ready = live::wait_for_model(loop, sender.targets, options.model, sender.request.headers, patience);
    if (!ready) return report_errors(ready.error(), ExitCode::not_ready);
  }
  if (options.warmup_requests > 0 && !warm_up(loop, options, *setup, *log)) return ExitCode::interrupted;

  MetricsLog metrics(loop, options, *setup);
  live::ReplayOutcome outcome;
  {
    ReplayProgressLine progress(options.ui != "none", "sending", setup->slo, setup->schedule_length);
    live::ReplayHooks hooks;
    hooks.on_record = [&](const measure::LiveRecord& live) {
      log->add(live);
      progress.on_record(live.record);
    };
    hooks.on_progress = [&](const live::ReplayProgress& now) { progress.on_progress(now); };
    hooks.on_start = [&](Time) { metrics.start(); };
    outcome = live::replay(loop, setup->live, setup->trace, *setup->words, setup->schedule, hooks);
  }
  metrics.finish();
  const measure::RunResult run = judge(options, *setup, outcome);
  const auto written =
      log->finish()
          .and_then([&] { return measure::write_live_artifacts(options.artifact_dir, options.export_prefix, run); })
          .and_then([&] { return write_slices(options, run, outcome.records); })
          .and_then([&] { return metrics.write(run); })
          .and_then([&] { return write_report(options, *setup, run, outcome.records); })
          .and_then([&] { return mark->clear(); });
  const std::vector<measure::RunResult> runs = {run};
  fmt::print("{}", options.json ? report::json_report(runs) : report::terminal_report(runs, wants_color()));
  std::fflush(stdout);
  if (!written) return report_errors(written.error());  // the figures have been shown: they may be all that is left of the run
  return verdict_code(*setup, run);
}

}  // namespace infbench::cli
