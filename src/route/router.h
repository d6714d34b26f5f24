// Router: which worker gets a request. Holds the policies, the Ledger that they see workers through, the requests that a policy
// wants to be asked about again, and the Events that are still on their way (view_delay). No clock, socket or thread: one owner
// calls it from one thread, with `now` that never goes back.
//
// The order of calls at one instant is the caller's to keep, so that results do not depend on it: Events by (worker, request),
// then due() and a route() for each request that it names, then arrivals. Whatever is due by `now` inside the router is applied
// first by every call.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "route/ledger.h"
#include "route/policy.h"

namespace infbench::route {

// Where a request goes. With separate prefill and decode workers both are chosen at once, prefill first.
struct Route {
  Pick pick;                   // all of it, or its prompt
  std::optional<Pick> decode;  // the tokens after that, if another worker's
};

// No worker that is up, of the right role and not tried before. `role`: what is missing.
struct NoWorker {
  Role role = Role::aggregated;
};

struct RouterConfig {
  std::unique_ptr<Policy> policy{};         // for whole requests, or for prompts if there is a decode policy
  std::unique_ptr<Policy> decode_policy{};  // set: separate prefill and decode workers
  Duration view_delay{};                    // how late first_token, finished and kv_* reach Ledger and policies
  std::uint64_t seed = 0;
  bool learn_scale = false;  // workers' scales are learned from first tokens: for workers whose step times are guesses
};

class Router {
 public:
  // The workers are up from `now` on: all aggregated, or prefill and decode if there is a decode policy. Others may come later
  // by an `up` Event with their spec.
  Router(RouterConfig config, std::span<const WorkerSpec> workers, Time now = {});

  // Chooses, and if a worker was found tells Ledger and policies that the request was dispatched. `request.stage` is not looked
  // at. Workers in `tried` are left out. With Hold the request is remembered (its id, not its view) until due() names it or
  // forget() drops it.
  std::variant<Route, Hold, NoWorker> route(const RequestView& request, std::span<const WorkerId> tried, Time now);

  // Something happened at a worker, at event.at <= now. The stage is filled in from the worker's role. Not for `dispatched`:
  // route() does that. A request that failed has to fail at both workers of a pair.
  void on(const Event& event, Time now);

  // The next held request to be asked about again now, lowest rank first, then in order of arrival. It is no longer held:
  // route() it, then ask for the next. None: no (more) for now.
  std::optional<RequestId> due(Time now);
  void forget(RequestId held);

  // When due() or route() has something to do by itself: an Event on its way arrives or a held request is due. May lie in the
  // past.
  std::optional<Time> next() const;

  // Whether a policy looks at the pages of requests.
  bool wants_pages() const { return policy_->wants_pages() || (decode_policy_ != nullptr && decode_policy_->wants_pages()); }

  const Ledger& ledger() const { return ledger_; }

 private:
  struct Delayed {
    Event event;  // its pages are not valid, those below are
    std::vector<PageHash> pages;
    Time due;
  };
  using Place = std::tuple<std::int64_t, Time, RequestId>;  // rank, arrival, id
  struct Held {
    Place place;
    std::optional<Time> until;
    std::int64_t round = 0;  // during which it was held
  };

  bool disaggregated() const { return decode_policy_ != nullptr; }
  Policy& policy_of(Stage stage) { return stage == Stage::decode ? *decode_policy_ : *policy_; }
  void dispatch(const RequestView& request, const Pick& pick, Time now);
  void hold(const RequestView& request, const Hold& hold);
  void apply_due(Time now);
  void apply(const Event& event, Time now);
  std::optional<Place> next_of_round();

  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Policy> decode_policy_;
  Ledger ledger_;
  Duration view_delay_;
  Random random_;
  Random decode_random_;
  std::deque<Delayed> delayed_;                   // in order of due
  std::unordered_map<std::uint64_t, Held> held_;  // by id; never iterated
  std::set<Place> order_;                         // the places of all of them
  std::set<std::pair<Time, RequestId>> alarms_;   // of those with `until`
  std::set<Place> called_;                        // their `until` has passed
  // An Event opens a round: all that are held are asked in order, from round_at_ on, up to the first that closes it.
  bool round_open_ = false;
  std::int64_t round_ = 0;
  Place round_at_{};
  std::optional<Place> round_end_{};
  Time round_since_;
};

}  // namespace infbench::route
