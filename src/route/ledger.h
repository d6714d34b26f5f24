// Ledger: what the router believes of every worker, built from Events alone, in every world.
//
// dispatched puts a request among the worker's waiting ones, first_token among its running ones (at Stage::prefill it leaves
// with it), finished and failed take it away. Everything is kept up to date as Events come; a view costs a constant time per
// worker.
//
// No Event comes per token. How far decoding has got is estimated: from its first token on, a running request gets one token
// per step, and a step takes what the worker's StepTime says for the batch as it was after the worker's last Event, or
// kAssumedStep where there are no coefficients. Prompts computed in between, which hold decoding up, are left out of the
// estimate; it never exceeds what the requests may produce.
//
// Where asked to, it learns how much slower (or faster) a worker is than its step times say: the ratio of observed and
// estimated time to first token, between kScaleLeast and kScaleMost, averaged with exponentially falling weights (kScaleWeight
// for the newest). Requests without an estimate, and those whose first token cannot be seen, teach nothing. Of a worker
// that nothing is known of yet it is the average of the others of its role. Belongs to one
// Router, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"
#include "route/in_flight.h"
#include "route/policy.h"

namespace infbench::route {

inline constexpr Duration kAssumedStep = milliseconds(20);
inline constexpr double kScaleLeast = 0.125;
inline constexpr double kScaleMost = 8;
inline constexpr double kScaleWeight = 0.0625;

class Ledger {
 public:
  // `view_delay`: how late the workers' own Events come; views say so in as_of.
  explicit Ledger(Duration view_delay = {}, bool learn_scale = false) : view_delay_(view_delay), learn_scale_(learn_scale) {}

  // `at up` adds the worker of event.spec, or lets a known one be picked again. Events about requests that the worker is not
  // known to hold change nothing. `now` never goes back and is at or after event.at.
  void on(const Event& event, Time now);

  bool knows(WorkerId id) const { return id.value < workers_.size() && workers_[id.value].known; }
  const WorkerSpec& spec(WorkerId id) const { return workers_[id.value].spec; }  // of a known worker

  WorkerView view(WorkerId id, Time now) const;  // of a known worker

  // The workers that are up, of this role and not among `left_out`, in order of id. Valid until the next call of a function
  // that is not const.
  std::span<const WorkerView> views(Role role, std::span<const WorkerId> left_out, Time now);

 private:
  struct Worker {
    WorkerSpec spec;
    bool known = false;
    bool up = false;
    InFlightList requests;
    int waiting = 0;
    int running = 0;
    Tokens uncomputed = 0;
    Tokens prompts = 0;          // of all requests
    Tokens running_prompts = 0;  // of running ones
    Tokens running_most = 0;     // tokens that running ones may produce
    // Decode steps since the worker came up, in 2^-16 steps, at `counted`; and the sum of the counts at which running requests
    // began.
    std::int64_t steps = 0;
    std::int64_t marks = 0;
    Time counted;
    double scale = 1;
    bool learned = false;  // the scale; until then it is as others' of its role on average
    cost::Ticks step = 0;  // one decode step of the batch as it is
  };

  static std::int64_t steps_in(const Worker& worker, Duration elapsed);
  static Tokens produced(const Worker& worker, Time now);
  static void count_steps(Worker& worker, Time now);
  static void estimate_step(Worker& worker);
  static void dispatch(Worker& worker, const Event& event);
  void first_token(Worker& worker, const Event& event, Time now);
  double scale_of(const Worker& worker) const;
  void learn(Worker& worker, const InFlight& request, Time first_token);
  static void remove(Worker& worker, std::size_t place);

  Duration view_delay_;
  bool learn_scale_;
  std::array<double, 3> usual_scale_{1, 1, 1};  // by role, of those that were learned
  std::vector<Worker> workers_;                 // by id
  std::vector<WorkerView> views_;
};

}  // namespace infbench::route
