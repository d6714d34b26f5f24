#include "live/engine_host.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::live {

using What = EngineEvent::What;

EngineHost::EngineHost(const engine::WorkerConfig& config, const cost::StepTime& step_time, const ModelClock& clock,
                       ServeLog* log, engine::KvJournal* journal)
    : config_(config),
      step_time_(&step_time),
      clock_(clock),
      log_(log),
      journal_(journal),
      notebook_(log),
      worker_(config, step_time, journal) {}

// ---- What the engine tells

void EngineHost::Notebook::kv_reserved(RequestId id, Time at) {
  if (log_ != nullptr) log_->events().kv_reserved(id, at);
  events.push_back({.what = What::kv_reserved, .request = id, .due = at});
}

void EngineHost::Notebook::kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) {
  if (log_ != nullptr) log_->events().kv_ready(id, from, to, last, at);
  events.push_back({.what = What::kv_ready, .last = last, .request = id, .due = at, .from = from, .to = to});
}

void EngineHost::Notebook::first_token(RequestId id, Tokens cached, Time at) {
  if (log_ != nullptr) log_->events().first_token(id, cached, at);
  events.push_back({.what = What::first_token, .request = id, .due = at, .to = cached});
}

void EngineHost::Notebook::decoded(const engine::DecodeRun& run) {
  INFBENCH_CHECK(run.steps == 1);  // the host goes from step to step
  if (log_ != nullptr) log_->events().decoded(run);
  for (const RequestId id : run.requests) events.push_back({.what = What::token, .request = id, .due = run.first_end});
}

void EngineHost::Notebook::finished(RequestId id, Time at) {
  if (log_ != nullptr) log_->events().finished(id, at);
  events.push_back({.what = What::finished, .request = id, .due = at});
}

void EngineHost::Notebook::refused(RequestId id, engine::Refusal why, Time at) {
  if (log_ != nullptr) log_->events().refused(id, why, at);
  events.push_back({.what = What::refused, .refusal = why, .request = id, .due = at});
}

// ---- Inputs

// The stamp is later than every moment at which the engine has acted, so that at one moment there is one input or none: whoever
// replays the log need not know which of two the engine saw first.
Time EngineHost::begin_input(Time now) {
  advance(now);
  const Time model = clock_.instant ? last_ : clock_.to_model(now);
  const Time stamp = std::max(model, last_ + Duration{1});
  worker_.advance(stamp, notebook_);
  last_ = stamp;
  return stamp;
}

void EngineHost::end_input(Time stamp) {
  worker_.settle(stamp, notebook_);
  if (clock_.instant) run_to_end();
}

void EngineHost::submit(const engine::EngineRequest& request, Time now) {
  const Time stamp = begin_input(now);
  if (log_ != nullptr) log_->submit(request, stamp);
  worker_.submit(request, stamp);
  end_input(stamp);
}

void EngineHost::room_ready(RequestId id, Time now) {
  const Time stamp = begin_input(now);
  if (log_ != nullptr) log_->input(ServeLog::Input::room_ready, id, stamp);
  worker_.room_ready(id, stamp);
  end_input(stamp);
}

void EngineHost::kv_arrived(RequestId id, Time now) {
  const Time stamp = begin_input(now);
  if (log_ != nullptr) log_->input(ServeLog::Input::kv_arrived, id, stamp);
  worker_.kv_arrived(id, stamp);
  end_input(stamp);
}

void EngineHost::kv_sent(RequestId id, Time now) {
  const Time stamp = begin_input(now);
  if (log_ != nullptr) log_->input(ServeLog::Input::kv_sent, id, stamp);
  worker_.kv_sent(id, stamp);
  end_input(stamp);
}

void EngineHost::cancel(RequestId id, Time now) {
  const Time stamp = begin_input(now);
  if (log_ != nullptr) log_->input(ServeLog::Input::cancel, id, stamp);
  worker_.cancel(id, stamp);
  end_input(stamp);
}

bool EngineHost::flush_cache(Time now) {
  const Time stamp = begin_input(now);
  if (!worker_.idle()) {
    end_input(stamp);
    return false;
  }
  if (log_ != nullptr) log_->input(ServeLog::Input::flush, RequestId{}, stamp);
  worker_ = engine::Worker(config_, *step_time_, journal_);
  if (journal_ != nullptr) journal_->cleared();
  return true;
}

// ---- Time

void EngineHost::advance(Time now) {
  if (!clock_.instant) run_until(clock_.to_model(now));
}

void EngineHost::run_until(Time model) {
  for (auto end = worker_.next(); end && *end <= model; end = worker_.next()) {
    worker_.advance(*end, notebook_);
    worker_.settle(*end, notebook_);
    last_ = *end;
  }
}

void EngineHost::run_to_end() {
  while (const auto end = worker_.next()) run_until(*end);
}

std::optional<Time> EngineHost::next() const {
  const auto end = worker_.next();
  if (!end) return std::nullopt;
  return clock_.to_real(*end);
}

void EngineHost::take_events(std::vector<EngineEvent>& out) {
  out.clear();
  out.swap(notebook_.events);
}

}  // namespace infbench::live
