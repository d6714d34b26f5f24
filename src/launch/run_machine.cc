#include "launch/run_machine.h"

#include <csignal>

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace infbench::launch {
namespace {

constexpr Duration kBetweenFlushes = milliseconds(200);

// The exit codes of `srtctl replay`; another client's own are a result that is not valid.
ExitCode code_of_client(const Exit& exit) {
  if (exit.signal != 0) return ExitCode::not_valid;
  for (const ExitCode code : {ExitCode::success, ExitCode::bad_input, ExitCode::not_ready, ExitCode::not_valid,
                              ExitCode::limit_missed, ExitCode::interrupted}) {
    if (exit.code == static_cast<int>(code)) return code;
  }
  return ExitCode::not_valid;
}

bool has_step(const plan::Plan& plan, plan::StepKind kind) {
  return std::ranges::find(plan.order, kind, &plan::Step::kind) != plan.order.end();
}

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::staging: return "staging";
    case Phase::starting: return "starting";
    case Phase::waiting: return "waiting";
    case Phase::warming_up: return "warm-up";
    case Phase::flushing: return "flush";
    case Phase::measuring: return "measuring";
    case Phase::collecting: return "collecting";
    case Phase::teardown: return "teardown";
    case Phase::ended: break;
  }
  return "ended";
}

std::vector<RunProcess> processes_of(const plan::Plan& plan) {
  std::vector<RunProcess> all;
  for (const plan::Command& command : plan.staging) all.push_back({ProcessKind::staging, &command});
  for (const plan::WorkerProcess& worker : plan.processes) all.push_back({ProcessKind::worker, &worker.command});
  all.push_back({ProcessKind::router, &plan.router.command});
  if (plan.benchmark.warmup) all.push_back({ProcessKind::warmup, &*plan.benchmark.warmup});
  if (plan.benchmark.command) all.push_back({ProcessKind::client, &*plan.benchmark.command});
  return all;
}

std::string to_text(const Exit& exit) {
  return exit.signal != 0 ? fmt::format("was killed by signal {}", exit.signal) : fmt::format("exited with code {}", exit.code);
}

RunMachine::RunMachine(const plan::Plan& plan) : plan_(plan) {
  for (const RunProcess& process : processes_of(plan)) processes_.push_back({.what = process, .exit = {}});
}

std::vector<Action> RunMachine::take_actions() { return std::exchange(actions_, {}); }

const std::string& RunMachine::name(int process) const {
  return processes_.at(static_cast<std::size_t>(process)).what.command->name;
}

void RunMachine::enter(Phase phase) {
  INFBENCH_CHECK(phase >= phase_);
  phase_ = phase;
  deadline_ = kNever;
  actions_.emplace_back(EnterPhase{phase});
}

void RunMachine::start(int process) {
  processes_[static_cast<std::size_t>(process)].state = State::running;
  actions_.emplace_back(StartProcess{process});
}

void RunMachine::start_all(ProcessKind kind) {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i].what.kind == kind) start(static_cast<int>(i));
  }
}

bool RunMachine::any(ProcessKind kind, State state) const {
  return std::ranges::any_of(processes_, [&](const Process& p) { return p.what.kind == kind && p.state == state; });
}

void RunMachine::begin(Time now) {
  enter(Phase::staging);
  const plan::Readiness& expected = plan_.readiness;
  if (plan_.workers.empty() || expected.prefill + expected.decode + expected.regular <= 0) {
    return stop(ExitCode::bad_input, "the plan has no workers", {}, now);
  }
  if (!any(ProcessKind::staging, State::idle)) return start_deployment(now);
  start_all(ProcessKind::staging);
}

void RunMachine::start_deployment(Time now) {
  enter(Phase::starting);
  start_all(ProcessKind::worker);
  start_all(ProcessKind::router);
  readiness_.emplace(plan_, now);
  enter(Phase::waiting);
  deadline_ = now + seconds(plan_.readiness.timeout_s);
  ask_what_is_due(now);
}

void RunMachine::ask_what_is_due(Time now) {
  if (!readiness_ || stopping()) return;
  for (const Question& question : readiness_->due(now)) actions_.emplace_back(Ask{question});
}

void RunMachine::on_start_failed(int process, const std::string& why, Time now) {
  processes_.at(static_cast<std::size_t>(process)).state = State::ended;
  if (stopping()) return teardown_step(now);
  stop(ExitCode::cannot_launch, fmt::format("{} cannot be started: {}", name(process), why), process, now);
}

void RunMachine::on_exit(int process, Exit exit, Time now) {
  Process& ended = processes_.at(static_cast<std::size_t>(process));
  ended.state = State::ended;
  ended.exit = exit;
  const ProcessKind kind = ended.what.kind;
  if (kind == ProcessKind::client) outcome_.client = exit;
  if (phase_ == Phase::collecting && kind == ProcessKind::client) return begin_teardown(now);
  if (stopping()) return teardown_step(now);
  switch (kind) {
    case ProcessKind::staging: return on_staging_exit(process, exit, now);
    case ProcessKind::warmup: return on_warmup_exit(process, exit, now);
    case ProcessKind::client: return on_client_exit(process, exit, now);
    case ProcessKind::worker:
    case ProcessKind::router: break;
  }
  const char* what = kind == ProcessKind::worker ? "worker " : "";
  stop(ExitCode::worker_failed, fmt::format("{}{} {} while {}", what, name(process), to_text(exit), name_of(phase_)), process,
       now);
}

void RunMachine::on_staging_exit(int process, Exit exit, Time now) {
  if (exit.code != 0 || exit.signal != 0) {
    return stop(ExitCode::cannot_launch, fmt::format("{} {}", name(process), to_text(exit)), process, now);
  }
  if (!any(ProcessKind::staging, State::running)) start_deployment(now);
}

void RunMachine::on_warmup_exit(int process, Exit exit, Time now) {
  const ExitCode code = code_of_client(exit);
  if (code != ExitCode::success) return stop(code, fmt::format("the warm-up {}", to_text(exit)), process, now);
  start_flush(now);
}

void RunMachine::on_client_exit(int process, Exit exit, Time now) {
  const ExitCode code = code_of_client(exit);
  if (code == ExitCode::success) return stop(code, {}, {}, now);
  stop(code, fmt::format("the client {}", to_text(exit)), process, now);
}

void RunMachine::on_answer(const Question& question, const Answer& answer, Time now) {
  if (question.kind == QuestionKind::engine_info) {
    engine_version_ = launch::engine_version(answer);
    return;
  }
  if (stopping()) return;
  if (question.kind == QuestionKind::flush) return on_flush_answer(question.worker, answer, now);
  readiness_->on_answer(question, answer, now);
  if (const auto& unhealthy = readiness_->unhealthy()) {
    const auto process = std::ranges::find_if(plan_.processes, [&](const plan::WorkerProcess& p) {
      return p.rank == 0 && static_cast<int>(p.worker.value) == unhealthy->worker;
    });
    const auto number = static_cast<int>(plan_.staging.size()) + static_cast<int>(process - plan_.processes.begin());
    return stop(
        ExitCode::worker_failed,
        fmt::format("worker {} is not healthy any more while {}: {}", name(number), name_of(phase_), unhealthy->last_said),
        number, now);
  }
  if (!asked_for_engine_ && question.kind == QuestionKind::router_workers && complaint_of_status(answer).empty()) {
    asked_for_engine_ = true;
    actions_.emplace_back(Ask{{.kind = QuestionKind::engine_info}});
  }
  if (phase_ == Phase::waiting && readiness_->ready()) return when_ready(now);
  ask_what_is_due(now);
}

void RunMachine::when_ready(Time now) {
  if (!plan_.benchmark.warmup) return start_flush(now);
  enter(Phase::warming_up);
  start_all(ProcessKind::warmup);
}

void RunMachine::start_flush(Time now) {
  if (!has_step(plan_, plan::StepKind::flush)) return start_client(now);
  enter(Phase::flushing);
  deadline_ = now + kFlushPatience;
  flushes_.assign(plan_.workers.size(), {.pending = true, .next = now, .last_said = "no answer"});
  for (std::size_t i = 0; i < flushes_.size(); ++i) {
    actions_.emplace_back(Ask{{.kind = QuestionKind::flush, .worker = static_cast<int>(i)}});
  }
}

void RunMachine::on_flush_answer(int worker, const Answer& answer, Time now) {
  if (phase_ != Phase::flushing) return;
  Flush& flush = flushes_.at(static_cast<std::size_t>(worker));
  flush.pending = false;
  flush.last_said = complaint_of_status(answer);
  flush.done = flush.last_said.empty();
  flush.refused = answer.status == 404;
  flush.next = flush.done ? kNever : now + kBetweenFlushes;
  if (std::ranges::all_of(flushes_, [](const Flush& f) { return f.done || f.refused; })) end_flush(now);
}

void RunMachine::end_flush(Time now) {
  for (std::size_t i = 0; i < flushes_.size(); ++i) {
    if (flushes_[i].done) continue;
    outcome_.notes.push_back(
        fmt::format("the cache of {} could not be flushed after the warm-up: {}", plan_.workers[i].url, flushes_[i].last_said));
  }
  start_client(now);
}

void RunMachine::start_client(Time) {
  enter(Phase::measuring);
  start_all(ProcessKind::client);
}

void RunMachine::on_stop(StopCause cause, Time now) {
  if (stopping()) return;
  const bool manual = !plan_.benchmark.command.has_value() && phase_ == Phase::measuring && cause == StopCause::user;
  outcome_.interrupted = !manual;
  if (manual) return stop(ExitCode::success, {}, {}, now);
  const char* why = cause == StopCause::user ? "interrupted" : "the allocation's time is nearly over, stopped";
  stop(ExitCode::interrupted, fmt::format("{} while {}", why, name_of(phase_)), {}, now);
}

void RunMachine::on_time(Time now) {
  if (phase_ == Phase::flushing && !stopping()) {
    for (std::size_t i = 0; i < flushes_.size(); ++i) {
      if (!flushes_[i].waits() || flushes_[i].next > now) continue;
      flushes_[i].pending = true;
      actions_.emplace_back(Ask{{.kind = QuestionKind::flush, .worker = static_cast<int>(i)}});
    }
  }
  ask_what_is_due(now);
  if (deadline_ > now) return;
  if (phase_ == Phase::waiting) {
    stop(ExitCode::not_ready,
         fmt::format("not ready within {} s: {}", plan_.readiness.timeout_s, fmt::join(readiness_->who_is_not_ready(), "; ")),
         {}, now);
  } else if (phase_ == Phase::flushing) {
    end_flush(now);
  } else if (phase_ == Phase::collecting) {
    outcome_.notes.push_back(fmt::format("the client wrote no report within {:g} s", to_s(kReportPatience)));
    begin_teardown(now);
  } else if (phase_ == Phase::teardown) {
    teardown_late(now);
  }
}

Time RunMachine::next() const {
  Time next = deadline_;
  if (stopping()) return next;
  if (readiness_) next = std::min(next, readiness_->next());
  if (phase_ == Phase::flushing) {
    for (const Flush& flush : flushes_) {
      if (flush.waits()) next = std::min(next, flush.next);
    }
  }
  return next;
}

void RunMachine::stop(ExitCode code, std::string reason, std::optional<int> process, Time now) {
  outcome_.code = code;
  outcome_.reason = std::move(reason);
  outcome_.process = process;
  enter(Phase::collecting);
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i].what.kind != ProcessKind::client || processes_[i].state != State::running) continue;
    actions_.emplace_back(SendSignal{static_cast<int>(i), SIGINT});
    deadline_ = now + kReportPatience;
    return;
  }
  begin_teardown(now);
}

void RunMachine::begin_teardown(Time now) {
  enter(Phase::teardown);
  step_ = -1;
  teardown_step(now);
}

bool RunMachine::in_step(const Process& process) const {
  switch (process.what.kind) {
    case ProcessKind::warmup:
    case ProcessKind::client: return step_ == 0;
    case ProcessKind::router: return step_ == 1;
    case ProcessKind::staging:
    case ProcessKind::worker: break;
  }
  return step_ == 2;
}

// On to the first step that has a running process, when the one under way has none any more.
void RunMachine::teardown_step(Time now) {
  if (phase_ != Phase::teardown) return;
  const auto runs = [&](const Process& p) { return p.state == State::running && in_step(p); };
  if (step_ >= 0 && std::ranges::any_of(processes_, runs)) return;
  do {
    ++step_;
  } while (step_ <= 2 && std::ranges::none_of(processes_, runs));
  if (step_ > 2) return enter(Phase::ended);
  killed_ = false;
  deadline_ = now + kTermPatience;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (runs(processes_[i])) actions_.emplace_back(SendSignal{static_cast<int>(i), SIGTERM});
  }
}

void RunMachine::teardown_late(Time now) {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i].state != State::running || !in_step(processes_[i])) continue;
    if (!killed_) {
      actions_.emplace_back(SendSignal{static_cast<int>(i), SIGKILL});
    } else {
      processes_[i].state = State::ended;
      outcome_.notes.push_back(fmt::format("{} did not end after SIGKILL", name(static_cast<int>(i))));
    }
  }
  if (killed_) return teardown_step(now);
  killed_ = true;
  deadline_ = now + kKillPatience;
}

std::string RunMachine::waiting_for() const {
  if (phase_ == Phase::waiting) return readiness_->waiting_for();
  if (phase_ == Phase::measuring && !plan_.benchmark.command) return "ready at " + plan_.router.url + ", stop it with Ctrl-C";
  if (phase_ != Phase::teardown) return {};
  return step_ == 0 ? "ending the client" : step_ == 1 ? "ending the router" : "ending the workers";
}

}  // namespace infbench::launch
