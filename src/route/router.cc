#include "route/router.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace infbench::route {
namespace {

Stage stage_of(Role role) {
  switch (role) {
    case Role::aggregated: return Stage::whole;
    case Role::prefill: return Stage::prefill;
    case Role::decode: return Stage::decode;
  }
  return Stage::whole;
}

bool comes_late(Event::What what) {
  return what == Event::What::first_token || what == Event::What::finished || what == Event::What::kv_stored ||
         what == Event::What::kv_removed || what == Event::What::kv_cleared || what == Event::What::kv_lost;
}

}  // namespace

Router::Router(RouterConfig config, std::span<const WorkerSpec> workers, Time now)
    : policy_(std::move(config.policy)),
      decode_policy_(std::move(config.decode_policy)),
      ledger_(config.view_delay, config.learn_scale),
      view_delay_(config.view_delay),
      random_(config.seed),
      decode_random_(mix64(config.seed)) {  // draws of its own: the decode policy does not change what the other draws
  INFBENCH_CHECK(policy_ != nullptr);
  for (const WorkerSpec& spec : workers) {
    on({.what = Event::What::up, .at = now, .worker = spec.id, .request = {}, .spec = &spec}, now);
  }
}

std::variant<Route, Hold, NoWorker> Router::route(const RequestView& request, std::span<const WorkerId> tried, Time now) {
  apply_due(now);
  forget(request.id);
  RequestView view = request;
  std::optional<Pick> decode;
  const Role first_role = disaggregated() ? Role::prefill : Role::aggregated;
  if (disaggregated() && ledger_.views(Role::decode, tried, now).empty()) return NoWorker{Role::decode};
  auto candidates = ledger_.views(first_role, tried, now);
  if (candidates.empty()) return NoWorker{first_role};

  view.stage = stage_of(first_role);
  const auto chosen = policy_->pick(view, candidates, random_, now);
  if (const Hold* asked_to = std::get_if<Hold>(&chosen)) {
    hold(request, *asked_to);
    return *asked_to;
  }
  const Pick pick = std::get<Pick>(chosen);
  RequestView decode_view = request;
  if (disaggregated()) {
    decode_view.stage = Stage::decode;
    decode_view.prefill = pick.worker;
    candidates = ledger_.views(Role::decode, tried, now);
    const auto second = decode_policy_->pick(decode_view, candidates, decode_random_, now);
    if (const Hold* asked_to = std::get_if<Hold>(&second)) {
      hold(request, *asked_to);
      return *asked_to;
    }
    decode = std::get<Pick>(second);
  }
  dispatch(view, pick, now);
  if (decode) dispatch(decode_view, *decode, now);
  return Route{.pick = pick, .decode = decode};
}

void Router::on(const Event& event, Time now) {
  INFBENCH_CHECK(event.what != Event::What::dispatched);
  apply_due(now);
  Event known = event;
  if (event.what != Event::What::up || event.spec == nullptr) {
    INFBENCH_CHECK(ledger_.knows(event.worker));
    known.spec = &ledger_.spec(event.worker);
  }
  known.stage = stage_of(known.spec->role);
  INFBENCH_CHECK(disaggregated() == (known.stage != Stage::whole));
  if (view_delay_ > Duration{} && comes_late(event.what)) {
    Delayed late{.event = known, .pages = {event.pages.begin(), event.pages.end()}, .due = event.at + view_delay_};
    late.event.spec = nullptr;
    if (late.due > now) {
      const auto after = [](Time due, const Delayed& each) { return due < each.due; };
      delayed_.insert(std::upper_bound(delayed_.begin(), delayed_.end(), late.due, after), std::move(late));
      return;
    }
  }
  if (event.what == Event::What::failed) {
    // What is on its way of this attempt must not be taken for the next attempt's.
    std::erase_if(delayed_, [&](const Delayed& each) {
      return each.event.worker == event.worker && each.event.request == event.request &&
             (each.event.what == Event::What::first_token || each.event.what == Event::What::finished);
    });
  }
  apply(known, now);
}

std::vector<RequestId> Router::due(Time now) {
  apply_due(now);
  for (auto each = asleep_.begin(); each != asleep_.end();) {
    const auto next = std::next(each);
    if (each->until && *each->until <= now) awake_.insert(asleep_.extract(each));
    each = next;
  }
  std::vector<RequestId> ids;
  ids.reserve(awake_.size());
  for (const Held& each : awake_) ids.push_back(each.id);
  awake_.clear();
  return ids;
}

void Router::forget(RequestId held) {
  const auto is_it = [&](const Held& each) { return each.id == held; };
  std::erase_if(asleep_, is_it);
  std::erase_if(awake_, is_it);
}

std::optional<Time> Router::next() const {
  std::optional<Time> first;
  const auto take = [&](Time time) { first = first ? std::min(*first, time) : time; };
  if (!delayed_.empty()) take(delayed_.front().due);
  if (!awake_.empty()) take(awake_since_);
  for (const Held& each : asleep_) {
    if (each.until) take(*each.until);
  }
  return first;
}

void Router::dispatch(const RequestView& request, const Pick& pick, Time now) {
  apply({.what = Event::What::dispatched,
         .at = now,
         .worker = pick.worker,
         .request = request.id,
         .stage = request.stage,
         .cached = pick.cached,
         .ttft = pick.ttft,
         .pages = request.pages,
         .asked = &request},
        now);
}

void Router::hold(const RequestView& request, const Hold& hold) {
  asleep_.insert({.rank = hold.rank, .arrived = request.at, .id = request.id, .until = hold.until});
}

void Router::apply_due(Time now) {
  while (!delayed_.empty() && delayed_.front().due <= now) {
    const Delayed late = std::move(delayed_.front());
    delayed_.pop_front();
    Event event = late.event;
    event.pages = late.pages;
    apply(event, late.due);
  }
}

void Router::apply(const Event& event, Time now) {
  ledger_.on(event, now);
  policy_of(event.stage).on(event, now);
  if (!asleep_.empty()) {
    if (awake_.empty()) awake_since_ = now;
    awake_.merge(asleep_);
  }
}

}  // namespace infbench::route
