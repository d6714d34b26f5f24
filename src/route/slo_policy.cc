#include "route/slo_policy.h"

#include <algorithm>
#include <limits>

namespace infbench::route {
namespace {

// Tuned on the first 20 minutes of the conversation trace, see docs/policies.md.
constexpr double kMargin = 0.1;        // of an estimated time to first token; in time for certain if so much is left
constexpr double kPromptSecond = 0.1;  // what a second of computing is worth to those that will come
constexpr double kWaitSecond = 0.01;   // what a second until the first token is
constexpr double kHarm = 0.05;         // that a late request may do
constexpr double kWait = 0.3;          // seconds of prompts that may be before it
constexpr double kFull = 0.8;          // share of a decode worker's KV up to which there is room for late ones

constexpr std::int64_t kBehindAll = std::int64_t{1} << 62;
constexpr Tokens kUnsaid = 4096;  // tokens that an answer may have if the request does not say
constexpr std::int64_t kLearned = 64;
constexpr double kShareLeast = 0.01;

// Of some large model on some large GPU: the scale corrects it.
cost::Coefficients assumed_speed() {
  cost::Coefficients c;
  c.step = milliseconds(10).ns * cost::kTicksPerNs;
  c.token = microseconds(80).ns * cost::kTicksPerNs;
  c.kv_token = 10 * cost::kTicksPerNs;
  return c;
}

// 1 in time, 0 late, between them within the margin.
double in_time(double ttft_s, double limit_s) {
  if (limit_s <= 0 || ttft_s <= 0) return 1;
  return std::clamp((limit_s - ttft_s) / (kMargin * ttft_s), 0.0, 1.0);
}

Duration of_seconds(double value) { return {static_cast<std::int64_t>(value * 1e9)}; }

}  // namespace

struct SloPolicy::Choice {
  const WorkerView* view = nullptr;
  SloWorker::Estimate estimate{};
  double good = 0;            // the chance that it meets both limits there
  double least_prompt_s = 0;  // of all workers: its prompt alone
  bool can = false;           // that would be in time
};

SloPolicy::SloPolicy(const PolicyParameters& parameters) : parameters_(parameters), assumed_(assumed_speed()) {}

Tokens SloPolicy::expected_answer(Tokens output_max) const {
  const auto most = static_cast<double>(output_max > 0 ? output_max : kUnsaid);
  return std::max<Tokens>(1, static_cast<Tokens>(most * share_ + 0.5));
}

SloPolicy::Choice SloPolicy::choose(const RequestView& request, std::span<const WorkerView> workers, Time now) const {
  Choice best;
  double most = -std::numeric_limits<double>::infinity();
  best.least_prompt_s = std::numeric_limits<double>::infinity();
  const double waited_s = to_s(now - request.at);
  const double limit_s = to_s(request.slo.ttft);
  const Tokens answer = expected_answer(request.output_max);
  for (const WorkerView& view : workers) {
    const SloWorker::Estimate e = workers_[view.id.value].estimate(request, answer, view.scale, now);
    const bool decode = request.stage == Stage::decode;
    const double prompt_s = decode ? to_s(request.prefill_ttft) : e.own_s;
    const double ttft_s = decode ? prompt_s : e.wait_s + e.own_s;
    const double good = e.room ? in_time(waited_s + ttft_s, limit_s) * e.worth : 0;
    double score = good - e.harm - kPromptSecond * e.own_s - kWaitSecond * ttft_s;
    if (decode && !e.room) score -= 1 + static_cast<double>(view.waiting + view.running);
    best.least_prompt_s = std::min(best.least_prompt_s, prompt_s);
    if (score <= most) continue;
    most = score;
    best.view = &view;
    best.estimate = e;
    best.good = good;
  }
  best.can = limit_s <= 0 || waited_s + best.least_prompt_s < limit_s;
  return best;
}

bool SloPolicy::may_go(const RequestView& request, const Choice& choice, Time now) const {
  if (workers_[choice.view->id.value].idle()) return true;
  const SloWorker::Estimate& e = choice.estimate;
  const bool patient = now - request.at < parameters_.hold_most;
  if (request.stage == Stage::decode) {
    // Without room it would wait there, and all behind it.
    const WorkerView& view = *choice.view;
    const bool ample = static_cast<double>(view.kv_used + request.input) < kFull * static_cast<double>(view.kv_capacity);
    return view.kv_capacity <= 0 || (e.room && (choice.can || ample || !patient));
  }
  if (choice.can) return choice.good > e.harm;
  return (e.harm <= kHarm && e.wait_s <= kWait) || !patient;
}

// Cheap to find out, and those that are late are asked about often: no worker has few enough prompts waiting.
bool SloPolicy::surely_held(const RequestView& request, std::span<const WorkerView> workers, Time now) const {
  const Duration waited = now - request.at;
  if (request.stage == Stage::decode || request.slo.ttft <= Duration{} || waited < request.slo.ttft) return false;
  if (waited >= parameters_.hold_most) return false;
  return std::ranges::none_of(workers, [&](const WorkerView& view) {
    const SloWorker& worker = workers_[view.id.value];
    return worker.idle() || worker.wait_s(view.scale, now) <= kWait;
  });
}

Hold SloPolicy::hold(const RequestView& request, bool can, double least_prompt_s, Time now) const {
  if (!can) {
    const Time out_of_patience = request.at + parameters_.hold_most;
    if (now >= out_of_patience) return {.until = {}, .rank = request.at.ns, .closes = true};
    return {.until = out_of_patience, .rank = kBehindAll + request.at.ns, .closes = true};
  }
  Hold hold{.until = {}, .rank = request.at.ns};
  if (request.slo.ttft > Duration{}) {
    const Time too_late = request.at + request.slo.ttft - of_seconds(least_prompt_s);
    hold.until = std::max(now + milliseconds(1), too_late);
  }
  return hold;
}

std::variant<Pick, Hold> SloPolicy::pick(const RequestView& request, std::span<const WorkerView> workers, Random&,
                                         Time now) const {
  if (surely_held(request, workers, now)) return hold(request, false, 0, now);
  const Choice choice = choose(request, workers, now);
  if (!may_go(request, choice, now)) return hold(request, choice.can, choice.least_prompt_s, now);
  return Pick{.worker = choice.view->id,
              .cached = choice.estimate.cached,
              .why = choice.can ? Reason::within_limits : Reason::least_harm,
              .ttft = choice.estimate.wait + choice.estimate.own};
}

void SloPolicy::learn(double share) {
  learned_ = std::min(learned_ + 1, kLearned);
  share_ += (std::clamp(share, kShareLeast, 1.0) - share_) / static_cast<double>(learned_ + 1);
}

void SloPolicy::on(const Event& event, Time now) {
  if (event.worker.value >= workers_.size()) workers_.resize(event.worker.value + 1);
  SloWorker& worker = workers_[event.worker.value];
  switch (event.what) {
    case Event::What::dispatched: worker.dispatch(event, expected_answer(event.asked->output_max), now); break;
    case Event::What::first_token: worker.computed(event); break;
    case Event::What::finished:
      if (const double share = worker.end(event.request, event.at); share > 0) learn(share);
      break;
    case Event::What::failed: worker.end(event.request, event.at); break;
    case Event::What::kv_stored:
    case Event::What::kv_removed:
    case Event::What::kv_cleared:
    case Event::What::kv_lost: worker.take(event); break;
    case Event::What::up:
      if (event.spec != nullptr) worker.come_up(*event.spec, assumed_, parameters_.chunk);
      break;
    case Event::What::down: worker.clear(); break;
  }
}

}  // namespace infbench::route
