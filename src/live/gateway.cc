#include "live/gateway.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "live/gateway_log.h"
#include "route/factory.h"

namespace infbench::live {
namespace {

using What = GatewayCommand::What;

// As sglang-router 0.3.2: worth another try at another worker.
bool is_retryable(int status) {
  constexpr std::array<int, 6> kStatuses{408, 429, 500, 502, 503, 504};
  return std::ranges::find(kStatuses, status) != kStatuses.end();
}

bool is_fine(int status) { return status >= 200 && status < 300; }

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::make(const GatewaySettings& settings, Time now, GatewayLog* log) {
  const auto name = [&](const std::string& own) { return own.empty() ? settings.policy : own; };
  route::PolicyParameters parameters = settings.parameters;
  parameters.spread_cold = true;
  auto policy = route::make_policy(settings.disaggregated ? name(settings.prefill_policy) : settings.policy, parameters);
  if (!policy) return fail(std::move(policy.error()));
  route::RouterConfig config{.policy = *std::move(policy), .seed = settings.seed, .learn_scale = true};
  if (settings.disaggregated) {
    auto decode = route::make_policy(name(settings.decode_policy), parameters);
    if (!decode) return fail(std::move(decode.error()));
    config.decode_policy = *std::move(decode);
  }
  auto router = std::make_unique<route::Router>(std::move(config), std::span<const route::WorkerSpec>{}, now);
  auto gateway = std::make_unique<Gateway>(settings, std::move(router), log);
  gateway->tokens_at_ = now;
  for (const UpstreamSettings& worker : settings.workers) gateway->add_worker(worker, now);
  return gateway;
}

Gateway::Gateway(const GatewaySettings& settings, std::unique_ptr<route::Router> router, GatewayLog* log)
    : settings_(settings),
      router_(std::move(router)),
      log_(log),
      tokens_(settings.admission.concurrent_max.value_or(1)),
      random_(settings.seed ^ 0x6761746577617930ULL) {}

// ---- Workers

WorkerId Gateway::add_worker(const UpstreamSettings& worker, Time now) {
  const WorkerId id{static_cast<std::uint32_t>(workers_.size())};
  if (log_ != nullptr) log_->worker_added(id, worker, now);
  workers_.push_back(
      {.settings = worker, .health = HealthWatch(settings_.health, now), .breaker = CircuitBreaker(settings_.breaker)});
  update(id, now);
  return id;
}

void Gateway::remove_worker(WorkerId worker, Time now) {
  if (log_ != nullptr) log_->worker_removed(worker, now);
  workers_[worker.value].removed = true;
  update(worker, now);
}

// Tells the router when the worker has become usable, or no longer is.
void Gateway::update(WorkerId id, Time now) {
  GatewayWorker& worker = workers_[id.value];
  const bool up = !worker.removed && worker.health.healthy() && worker.breaker.passes();
  if (up == worker.up) return;
  worker.up = up;
  const route::WorkerSpec spec{
      .id = id, .role = worker.settings.role, .kv_capacity = worker.settings.kv_capacity, .speed = worker.settings.speed};
  router_->on({.what = up ? route::Event::What::up : route::Event::What::down,
               .at = now,
               .worker = id,
               .request = {},
               .spec = up ? &spec : nullptr},
              now);
  if (up && std::exchange(worker.kv_missed, false)) tell_kv(id, KvChange::lost, {}, now);
}

std::vector<WorkerId> Gateway::health_due(Time now) {
  std::vector<WorkerId> due;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    GatewayWorker& worker = workers_[i];
    if (worker.removed || worker.health.next() > now) continue;
    worker.health.asked();
    due.push_back({static_cast<std::uint32_t>(i)});
  }
  if (log_ != nullptr && !due.empty()) log_->health_asked(due, now);
  return due;
}

void Gateway::kv(WorkerId worker, KvChange change, std::span<const PageHash> pages, Time now) {
  if (log_ != nullptr) log_->kv(worker, change, pages, now);
  tell_kv(worker, change, pages, now);
}

void Gateway::tell_kv(WorkerId worker, KvChange change, std::span<const PageHash> pages, Time now) {
  // Nothing can have been sent there yet; what it has from elsewhere is not known from now on.
  if (!router_->ledger().knows(worker)) {
    workers_[worker.value].kv_missed = true;
    return;
  }
  using Kv = route::Event::What;
  constexpr std::array<Kv, 4> kWhat{Kv::kv_stored, Kv::kv_removed, Kv::kv_cleared, Kv::kv_lost};
  router_->on({.what = kWhat[static_cast<std::size_t>(change)], .at = now, .worker = worker, .request = {}, .pages = pages},
              now);
}

void Gateway::health(WorkerId worker, bool ok, Time now) {
  if (log_ != nullptr) log_->health(worker, ok, now);
  if (workers_[worker.value].health.answered(ok, now)) update(worker, now);
}

int Gateway::usable_workers(Role role) const {
  return static_cast<int>(
      std::ranges::count_if(workers_, [&](const GatewayWorker& w) { return w.up && w.settings.role == role; }));
}

bool Gateway::has_untried(Role role, const Call& call) const {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const WorkerId id{static_cast<std::uint32_t>(i)};
    if (workers_[i].up && workers_[i].settings.role == role && std::ranges::find(call.tried, id) == call.tried.end())
      return true;
  }
  return false;
}

// ---- Admission

CallId Gateway::arrived(const PromptInfo& prompt, std::string_view key, Time now) {
  const CallId id = next_call_++;
  if (log_ != nullptr) log_->arrived(id, prompt, key, now);
  ++counters_.calls;
  Call& call = calls_[id];
  call.pages = prompt.pages;
  call.input = prompt.input;
  call.output_max = prompt.output_max;
  call.chars = prompt.chars;
  call.streamed = prompt.streamed;
  call.page_tokens = prompt.page_tokens;
  call.told_pages = prompt.told_pages;
  call.key = key;
  call.arrived = now;
  if (queue_.empty() && admit(now)) {
    call.admitted = true;
    try_route(id, call, now);
  } else if (static_cast<int>(queue_.size()) >= settings_.admission.queue_max) {
    ++counters_.refused_full;
    refuse(id, call, 429, "too_many_requests", now);
  } else {
    queue_.insert(id);
    set_deadline(id, call, now + settings_.admission.queue_timeout);
  }
  return id;
}

bool Gateway::admit(Time now) {
  const AdmissionSettings& limits = settings_.admission;
  if (!limits.concurrent_max) return true;
  if (admitted_ >= *limits.concurrent_max) return false;
  if (limits.rate_per_s) {
    tokens_ = std::min(tokens_ + *limits.rate_per_s * to_s(now - tokens_at_), static_cast<double>(*limits.concurrent_max));
    tokens_at_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
  }
  ++admitted_;
  return true;
}

void Gateway::start_queued(Time now) {
  if (std::exchange(starting_, true)) return;  // one that is refused at once makes room for the next: in this loop
  while (!queue_.empty() && admit(now)) {
    const CallId id = *queue_.begin();
    queue_.erase(queue_.begin());
    Call& call = calls_.at(id);
    call.admitted = true;
    try_route(id, call, now);
  }
  starting_ = false;
}

// ---- Attempts

void Gateway::log_candidates(const Call& call, Time now) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const WorkerId id{static_cast<std::uint32_t>(i)};
    const bool tried = std::ranges::find(call.tried, id) != call.tried.end();
    if (workers_[i].up && !tried) log_->candidate(router_->ledger().view(id, now));
  }
}

void Gateway::try_route(CallId id, Call& call, Time now) {
  if (now >= call.arrived + settings_.request_timeout) return refuse(id, call, 504, "timeout", now);
  const route::RequestView view{.id = RequestId{id},
                                .at = call.arrived,
                                .pages = call.pages,
                                .page_tokens = call.page_tokens,
                                .told_pages = call.told_pages,
                                .input = call.input,
                                .output_max = call.output_max,
                                .chars = call.chars,
                                .streamed = call.streamed,
                                .key = call.key,
                                .slo = settings_.slo};
  if (log_ != nullptr) log_candidates(call, now);
  const auto chosen = router_->route(view, call.tried, now);
  if (const auto* to = std::get_if<route::Route>(&chosen)) return dispatch(id, call, *to, now);
  if (std::holds_alternative<route::Hold>(chosen)) {
    call.state = State::held;
    if (log_ != nullptr) log_->held(id, now);
    return set_deadline(id, call, call.arrived + settings_.request_timeout);
  }
  if (call.attempts > 0) {
    ++counters_.retries_exhausted;
    return refuse(id, call, 502, "upstream_failed", now);
  }
  ++counters_.refused_no_worker;
  refuse(id, call, 503, "no_available_workers", now);
}

void Gateway::dispatch(CallId id, Call& call, const route::Route& chosen, Time now) {
  ++call.attempts;
  call.state = State::waiting;
  call.sent = now;
  set_deadline(id, call, call.arrived + settings_.request_timeout);  // of all attempts together
  choices_.push_back({id, call.attempts, chosen});
  if (log_ != nullptr) log_->choice(choices_.back(), now);
  GatewayCommand send{.what = What::send, .call = id, .worker = chosen.pick.worker, .part = Part::whole};
  if (chosen.decode) {
    send.part = Part::prefill;
    send.prefill = chosen.pick.worker;
    send.room = random_.next() >> 1U;  // engines keep it in a signed 64-bit number
  }
  const auto start = [&](Leg& leg, const route::Pick& pick) {
    leg = {.worker = pick.worker, .cached = pick.cached, .state = PartState::sent};
    GatewayWorker& worker = workers_[pick.worker.value];
    ++worker.active;
    leg.probe = worker.breaker.dispatched();
    if (leg.probe) update(pick.worker, now);
  };
  start(call.first, chosen.pick);
  commands_.push_back(send);
  call.decode = {};
  if (!chosen.decode) return;
  start(call.decode, *chosen.decode);
  send.part = Part::decode;
  send.worker = chosen.decode->worker;
  commands_.push_back(send);
}

void Gateway::tell_router(WorkerId worker, CallId call, route::Event::What what, Time now) {
  router_->on({.what = what, .at = now, .worker = worker, .request = RequestId{call}}, now);
}

// A part of the attempt is over, one way or the other.
void Gateway::end_leg(CallId id, Call& call, Part part, AttemptEnd end, Time now) {
  Leg& leg = leg_of(call, part);
  if (leg.state == PartState::none || leg.state == PartState::over) return;
  leg.state = PartState::over;
  GatewayWorker& worker = workers_[leg.worker.value];
  --worker.active;
  const bool finished = end == AttemptEnd::finished && leg.fine;
  tell_router(leg.worker, id, finished ? route::Event::What::finished : route::Event::What::failed, now);
  const bool changed = end == AttemptEnd::failed || leg.refused ? worker.breaker.failed(leg.probe, now)
                       : end == AttemptEnd::finished            ? worker.breaker.succeeded(leg.probe)
                                                                : worker.breaker.given_up(leg.probe);
  if (changed) update(leg.worker, now);
}

// All parts are over: `failed` is to blame (none: nobody), what else is open is closed.
void Gateway::end_attempt(CallId id, Call& call, std::optional<Part> failed, Time now) {
  for (const Part part :
       {call.first.state != PartState::none && call.decode.state == PartState::none ? Part::whole : Part::prefill,
        Part::decode}) {
    const Leg& leg = leg_of(call, part);
    if (leg.state != PartState::sent && leg.state != PartState::answered) continue;
    commands_.push_back({.what = What::drop, .call = id, .worker = leg.worker, .part = part});
    end_leg(id, call, part, part == failed ? AttemptEnd::failed : AttemptEnd::left, now);
  }
}

Duration Gateway::backoff(int attempts) {
  const RetrySettings& retry = settings_.retry;
  double ms = to_ms(retry.backoff_first);
  for (int i = 1; i < attempts; ++i) ms = std::min(ms * retry.backoff_factor, to_ms(retry.backoff_max));
  ms *= 1 + retry.jitter * (2 * random_.unit() - 1);
  return Duration{static_cast<std::int64_t>(std::max(ms, 0.0) * 1e6)};
}

// False, and nothing done: it has had its tries, or there is no worker left to try.
bool Gateway::retry_elsewhere(CallId id, Call& call, Part failed, Time now) {
  if (call.state == State::relaying || call.attempts >= settings_.retry.attempts_max) return false;
  call.tried.push_back(leg_of(call, failed).worker);
  const bool pair = settings_.disaggregated;
  if (!has_untried(pair ? Role::prefill : Role::aggregated, call)) return false;
  if (pair && !has_untried(Role::decode, call)) return false;
  const WorkerId worker = leg_of(call, failed).worker;
  end_attempt(id, call, failed, now);
  ++counters_.retries;
  call.state = State::backing_off;
  const Duration pause = backoff(call.attempts);
  if (log_ != nullptr) log_->retried(id, worker, pause, now);
  set_deadline(id, call, std::min(now + pause, call.arrived + settings_.request_timeout));
  return true;
}

void Gateway::relay(CallId id, Call& call, Part part, Time now) {
  if (part != Part::whole && !leg_of(call, part).fine) {  // an error: nothing is wanted of the other half
    const Part other = part == Part::prefill ? Part::decode : Part::prefill;
    const Leg& leg = leg_of(call, other);
    if (leg.state == PartState::sent || leg.state == PartState::answered) {
      commands_.push_back({.what = What::drop, .call = id, .worker = leg.worker, .part = other});
      end_leg(id, call, other, AttemptEnd::left, now);
    }
  }
  call.state = State::relaying;
  call.relayed = part;
  commands_.push_back({.what = What::relay, .call = id, .worker = leg_of(call, part).worker, .part = part});
}

void Gateway::answered(CallId id, Part part, int status, Time now) {
  if (log_ != nullptr) log_->answered(id, part, status, now);
  Call* call = find(id);
  if (call == nullptr) return;
  Leg& leg = leg_of(*call, part);
  if (leg.state != PartState::sent) return;
  leg.state = PartState::answered;
  leg.fine = is_fine(status);
  leg.refused = is_retryable(status);
  if (call->state == State::relaying) return;  // the prompt's half, after the answer has begun
  if (leg.refused) {
    if (retry_elsewhere(id, *call, part, now)) return;
    ++counters_.retries_exhausted;
  }
  if (!leg.fine || part == Part::whole) return relay(id, *call, part, now);
  if (part == Part::decode) {
    if (call->first.state != PartState::sent) relay(id, *call, part, now);
  } else if (call->decode.state == PartState::answered) {
    relay(id, *call, Part::decode, now);
  }
}

void Gateway::first_bytes(CallId id, Part part, Time now) {
  if (log_ != nullptr) log_->input(GatewayLog::PartInput::first_bytes, id, part, now);
  Call* call = find(id);
  if (call == nullptr) return;
  Leg& leg = leg_of(*call, part);
  if (leg.first || leg.state != PartState::answered || !leg.fine) return;
  leg.first = true;
  if (std::exchange(leg.probe, false) && workers_[leg.worker.value].breaker.probe_answers()) update(leg.worker, now);
  // The decode worker cannot have produced anything without the prompt, whatever the prefill worker has said so far.
  if (part == Part::decode && call->state == State::waiting) relay(id, *call, part, now);
  router_->on({.what = route::Event::What::first_token,
               .at = now,
               .worker = leg.worker,
               .request = RequestId{id},
               .cached = leg.cached},
              now);
}

void Gateway::ended(CallId id, Part part, Time now) {
  if (log_ != nullptr) log_->input(GatewayLog::PartInput::ended, id, part, now);
  Call* call = find(id);
  if (call == nullptr) return;
  end_leg(id, *call, part, AttemptEnd::finished, now);
  if (call->state == State::relaying && part == call->relayed) {
    finish(id, *call, {.what = What::finished, .call = id}, now);
  }
}

void Gateway::broke(CallId id, Part part, Time now) {
  if (log_ != nullptr) log_->input(GatewayLog::PartInput::broke, id, part, now);
  fail_part(id, part, now);
}

void Gateway::fail_part(CallId id, Part part, Time now) {
  Call* call = find(id);
  if (call == nullptr || leg_of(*call, part).state == PartState::over || leg_of(*call, part).state == PartState::none) return;
  const bool relaying = call->state == State::relaying;
  if (relaying && part != call->relayed) return end_leg(id, *call, part, AttemptEnd::failed, now);  // the answer goes on
  if (retry_elsewhere(id, *call, part, now)) return;
  if (!relaying) ++counters_.retries_exhausted;
  end_attempt(id, *call, part, now);
  if (relaying) return finish(id, *call, {.what = What::cut, .call = id}, now);
  refuse(id, *call, 502, "upstream_failed", now);
}

// ---- Ends

void Gateway::left(CallId id, Time now) {
  if (log_ != nullptr) log_->left(id, now);
  Call* call = find(id);
  if (call == nullptr) return;
  for (const Part part : {Part::whole, Part::decode}) {
    const Leg& leg = leg_of(*call, part);
    if (leg.state != PartState::sent && leg.state != PartState::answered) continue;
    const Part named = part == Part::whole && call->decode.state != PartState::none ? Part::prefill : part;
    commands_.push_back({.what = What::drop, .call = id, .worker = leg.worker, .part = named});
    end_leg(id, *call, part, AttemptEnd::left, now);
  }
  finish(id, *call, {.what = What::finished, .call = id}, now);
}

void Gateway::refuse(CallId id, Call& call, int status, std::string_view code, Time now) {
  if (log_ != nullptr) log_->refused(id, status, code, now);
  finish(id, call, {.what = What::refuse, .call = id, .status = status, .code = code}, now);
}

void Gateway::finish(CallId id, Call& call, GatewayCommand command, Time now) {
  // The prompt's half may still be drained when the answer has ended.
  if (call.decode.state == PartState::over && call.first.state != PartState::over && call.first.state != PartState::none) {
    const bool answered = call.first.state == PartState::answered;
    commands_.push_back({.what = What::drop, .call = id, .worker = call.first.worker, .part = Part::prefill});
    end_leg(id, call, Part::prefill, answered ? AttemptEnd::finished : AttemptEnd::left, now);
  }
  commands_.push_back(command);
  if (log_ != nullptr && command.what != What::refuse) log_->over(id, command.what == What::cut, now);
  if (call.state == State::held) router_->forget(RequestId{id});
  queue_.erase(id);
  set_deadline(id, call, kNever);
  const bool admitted = call.admitted;
  calls_.erase(id);
  if (!admitted || !settings_.admission.concurrent_max) return;
  --admitted_;
  start_queued(now);
}

Gateway::Call* Gateway::find(CallId id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : &found->second;
}

// ---- Time

void Gateway::set_deadline(CallId id, Call& call, Time at) {
  if (call.deadline != Time{}) deadlines_.erase({call.deadline, id});
  call.deadline = at == kNever ? Time{} : at;
  if (at != kNever) deadlines_.insert({at, id});
}

void Gateway::expire(CallId id, Call& call, Time now) {
  switch (call.state) {
    case State::queued: ++counters_.refused_waiting; return refuse(id, call, 408, "queue_timeout", now);
    case State::held: return refuse(id, call, 504, "timeout", now);
    case State::backing_off: return try_route(id, call, now);
    case State::waiting:
    case State::relaying: {
      const bool relaying = call.state == State::relaying;
      // A worker that had less than half of the time is not to blame: the queue and those that failed before had the rest.
      const bool had_time = 2 * (now - call.sent).ns >= settings_.request_timeout.ns;
      const Part last = call.decode.state != PartState::none ? Part::decode : Part::whole;
      end_attempt(id, call, had_time ? std::optional(last) : std::nullopt, now);
      if (relaying) return finish(id, call, {.what = What::cut, .call = id}, now);
      return refuse(id, call, 504, "timeout", now);
    }
  }
}

void Gateway::advance(Time now) {
  if (log_ != nullptr) log_->advance(now);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto [at, id] = *deadlines_.begin();
    Call& call = calls_.at(id);
    set_deadline(id, call, kNever);
    expire(id, call, now);
  }
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].breaker.advance(now)) update({static_cast<std::uint32_t>(i)}, now);
  }
  start_queued(now);
  while (const auto held = router_->due(now)) {
    if (Call* call = find(held->value); call != nullptr) try_route(held->value, *call, now);
  }
}

Time Gateway::next() const {
  Time first = router_->next().value_or(kNever);
  if (!deadlines_.empty()) first = std::min(first, deadlines_.begin()->first);
  for (const GatewayWorker& worker : workers_) {
    if (worker.removed) continue;
    first = std::min({first, worker.breaker.next(), worker.health.next()});
  }
  if (!queue_.empty() && settings_.admission.rate_per_s && admitted_ < *settings_.admission.concurrent_max) {
    const double missing = std::max(1 - tokens_, 0.0);
    first =
        std::min(first, tokens_at_ + Duration{static_cast<std::int64_t>(missing / *settings_.admission.rate_per_s * 1e9) + 1});
  }
  return first;
}

void Gateway::take_commands(std::vector<GatewayCommand>& out) {
  out.clear();
  std::swap(out, commands_);
}

void Gateway::take_choices(std::vector<GatewayChoice>& out) {
  out.clear();
  std::swap(out, choices_);
}

}  // namespace infbench::live
