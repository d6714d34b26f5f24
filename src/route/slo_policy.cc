#include "route/slo_policy.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace infbench::route {
double tune(const char* name, double value);
namespace {

const double kC = tune("SLO_C", 0.1), kD = tune("SLO_D", 0.1), kE = tune("SLO_E", 0.01), kH = tune("SLO_H", 0.05), kW = tune("SLO_W", 0.3), kF = tune("SLO_F", 0.0), kR=tune("SLO_R",0);
const double kK = tune("SLO_K", 0.8);
constexpr std::int64_t kLate = std::int64_t{1} << 62;
constexpr Tokens kUnsaid = 4096;

cost::Coefficients assumed() {
  cost::Coefficients c;
  c.step = milliseconds(10).ns * cost::kTicksPerNs;
  c.token = microseconds(80).ns * cost::kTicksPerNs;
  c.kv_token = 10 * cost::kTicksPerNs;
  return c;
}

// 1 in time by a margin, 0 too late.
double in_time(double ttft_s, double limit_s) {
  if (limit_s <= 0) return 1;
  if (ttft_s <= 0) return 1;
  return std::clamp((limit_s - ttft_s) / (kD * ttft_s), 0.0, 1.0);
}

}  // namespace

struct SloPolicy::Best {
  const WorkerView* view = nullptr;
  SloWorker::Estimate estimate;
  double good = 0;   // that it meets both limits
  double score = 0;
  double least_own = 0;
  double least_ttft = 0;
};

SloPolicy::SloPolicy(const PolicyParameters& parameters) : parameters_(parameters), assumed_(assumed()) {}

Tokens SloPolicy::expected_answer(const RequestView& request) const {
  const Tokens most = request.output_max > 0 ? request.output_max : kUnsaid;
  return std::max<Tokens>(1, static_cast<Tokens>(static_cast<double>(most) * share_ + 0.5));
}

SloPolicy::Best SloPolicy::best_of(const RequestView& request, std::span<const WorkerView> workers, Time now) const {
  Best best;
  best.score = -std::numeric_limits<double>::infinity();
  best.least_own = best.least_ttft = 1e18;
  const double waited = to_s(now - request.at);
  const double limit = to_s(request.slo.ttft);
  const Tokens answer = expected_answer(request);
  for (const WorkerView& view : workers) {
    const SloWorker::Estimate e = workers_[view.id.value].estimate(request, answer, view.scale, now);
    const double ttft = request.stage == Stage::decode ? to_s(request.prefill_ttft) : e.ttft_s;
    const double good = (e.room ? 1 : 0) * in_time(waited + ttft, limit) * e.worth;
    const double own = to_s(e.own) * view.scale;
    double score = good - e.harm - kC * own - kE * ttft;
    if (request.stage == Stage::decode) {
      score -= kF * static_cast<double>(view.kv_used) / static_cast<double>(std::max<Tokens>(view.kv_capacity, 1));
      if (!e.room) score -= 10;
    }
    best.least_own = std::min(best.least_own, own);
    best.least_ttft = std::min(best.least_ttft, ttft);
    if (score > best.score) {
      best.view = &view;
      best.estimate = e;
      best.good = good;
      best.score = score;
    }
  }
  return best;
}

std::variant<Pick, Hold> SloPolicy::pick(const RequestView& request, std::span<const WorkerView> workers, Random&,
                                         Time now) const {
  const Best best = best_of(request, workers, now);
  const double waited = to_s(now - request.at);
  const double limit = to_s(request.slo.ttft);
  const bool can = limit <= 0 || waited + (request.stage == Stage::decode ? to_s(request.prefill_ttft) : best.least_own) < limit;
  const bool idle = workers_[best.view->id.value].requests() == 0;
  bool go = false;
  if (idle) {
    go = true;
  } else if (request.stage == Stage::decode) {
    go = best.estimate.room && (can || to_s(Duration{}) > 1 || static_cast<double>(best.view->kv_used + request.input) < kK * static_cast<double>(best.view->kv_capacity));
    if (best.view->kv_capacity <= 0) go = true;
  } else if (can) {
    go = best.good > best.estimate.harm + kH * 0;
  } else {
    go = best.estimate.harm <= kH && to_s(best.estimate.wait) <= kW;
  }
  if (go) {
    return Pick{.worker = best.view->id, .cached = best.estimate.cached, .why = can ? Reason::within_limits : Reason::least_harm,
                .ttft = best.estimate.own + best.estimate.wait};
  }
  Hold hold{.until = {}, .rank = can ? request.at.ns : kLate + (kR > 0 ? request.input : request.at.ns), .closes = !can};
  if (can) hold.until = std::max(now + milliseconds(1), request.at + request.slo.ttft - Duration{static_cast<std::int64_t>(best.least_own * 1e9)});
  return hold;
}

void SloPolicy::on(const Event& event, Time now) {
  if (event.worker.value >= workers_.size()) workers_.resize(event.worker.value + 1);
  SloWorker& worker = workers_[event.worker.value];
  switch (event.what) {
    case Event::What::dispatched: worker.dispatch(event, expected_answer(*event.asked), now); break;
    case Event::What::first_token: worker.computed(event); break;
    case Event::What::finished: 
    case Event::What::failed: worker.end(event.request, event.stage, event.at); break;
    case Event::What::kv_removed: worker.forget(event.pages); break;
    case Event::What::kv_stored: break;
    case Event::What::up:
      if (event.spec != nullptr) worker.come_up(*event.spec, &assumed_, parameters_.chunk);
      break;
    case Event::What::down: worker.clear(); break;
  }
}

}  // namespace infbench::route
