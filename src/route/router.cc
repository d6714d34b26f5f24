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
    decode_view.prefill_ttft = pick.ttft;
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

std::optional<RequestId> Router::due(Time now) {
  apply_due(now);
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    called_.insert(held_.at(alarms_.begin()->second.value).place);
    alarms_.erase(alarms_.begin());
  }
  std::optional<Place> place = next_of_round();
  if (!called_.empty() && (!place || *called_.begin() < *place)) {
    place = *called_.begin();
  } else if (place) {
    round_at_ = *place;
  }
  if (!place) return std::nullopt;
  const RequestId id = std::get<RequestId>(*place);
  forget(id);
  return id;
}

// Those that were held during this round have been asked already. None: it is over.
std::optional<Router::Place> Router::next_of_round() {
  if (!round_open_) return std::nullopt;
  for (auto each = order_.lower_bound(round_at_); each != order_.end(); ++each) {
    if (round_end_ && *round_end_ < *each) break;
    if (held_.at(std::get<RequestId>(*each).value).round != round_) return *each;
  }
  round_open_ = false;
  return std::nullopt;
}

void Router::forget(RequestId held) {
  const auto found = held_.find(held.value);
  if (found == held_.end()) return;
  order_.erase(found->second.place);
  called_.erase(found->second.place);
  if (found->second.until) alarms_.erase({*found->second.until, held});
  held_.erase(found);
}

std::optional<Time> Router::next() const {
  std::optional<Time> first;
  const auto take = [&](Time time) { first = first ? std::min(*first, time) : time; };
  if (!delayed_.empty()) take(delayed_.front().due);
  if (round_open_ || !called_.empty()) take(round_since_);
  if (!alarms_.empty()) take(alarms_.begin()->first);
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
  const Place place{hold.rank, request.at, request.id};
  held_[request.id.value] = {.place = place, .until = hold.until, .round = round_};
  order_.insert(place);
  if (hold.until) alarms_.insert({*hold.until, request.id});
  if (hold.closes && round_open_ && (!round_end_ || place < *round_end_)) round_end_ = place;
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
  if (event.what == Event::What::dispatched || order_.empty()) return;  // a dispatch makes room for nobody
  if (!round_open_) round_since_ = now;
  round_open_ = true;
  ++round_;
  round_at_ = *order_.begin();
  round_end_.reset();
}

}  // namespace infbench::route
