// What a replay sends when, as data, and who says so during the run.
//
// All ways of loading are one Schedule (trace/schedule.h): the trace's own times (open loop), times drawn at random at a rate,
// or "as soon as one of N slots is free" (closed loop: all due at once, in_flight_max). Builders are pure. Pacer is the state
// machine that one thread asks; `now` goes in and never backwards. One owner, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "trace/schedule.h"

namespace infbench::live {

// The sends of a trace on its own times, those of [start, end] only (both included, from the trace's first request), moved so
// that the window begins at 0. A later turn is in if its own time is and all turns before it are.
trace::Schedule fixed_schedule(const trace::Trace& trace, double speed, std::optional<Duration> start,
                               std::optional<Duration> end);

// All requests without their times: due when those before have been sent, at most `in_flight_max` at once (closed loop). Turns
// wait for the turn before.
trace::Schedule closed_loop(const trace::Trace& trace, std::size_t requests, int in_flight_max);

// First turns at random times with a mean of `per_second` (a Poisson process drawn from `seed`), or evenly.
trace::Schedule at_rate(const trace::Trace& trace, std::size_t requests, double per_second, bool poisson, std::uint64_t seed);

// Deals the sends out to `parts` threads, in turn; the turns of a session stay together. in_flight_max is shared out. Parts
// without a slot or a send are left out.
std::vector<trace::Schedule> deal_out(const trace::Schedule& schedule, std::size_t parts);

class Pacer {
 public:
  // Moments of the schedule count from `start`.
  Pacer(trace::Schedule schedule, Time start);

  struct Due {
    trace::RequestIndex request;
    Time scheduled;
  };
  // The next send that is due by `now` and has a slot; it is in flight from then on.
  std::optional<Due> take(Time now);

  // A request that was taken has ended. If it failed, the turns that were to follow it are given up: they are returned, count
  // as neither sent nor in flight, and are due no more.
  std::vector<trace::RequestIndex> ended(trace::RequestIndex request, bool ok, Time now);

  // When take() may give the next one; none while it waits for an end, or when all were taken.
  std::optional<Time> next() const;

  // From when on the sending thread should be awake for next(), since being woken takes a tenth of a millisecond, and on a busy
  // machine one or several. At most kAwakeBefore ahead, and at most a twentieth of the time since the send before, so that
  // waiting awake costs no more than that part of a core.
  std::optional<Time> awake_from() const;
  static constexpr Duration kAwakeBefore = milliseconds(1);

  // Sends that are due at the next moment with sends or up to `span` later, without those that wait for another; at most
  // `most`. For making ready.
  std::vector<trace::RequestIndex> upcoming(std::size_t most, Duration span) const;

  // Nothing more is sent; how many were not.
  std::size_t stop();

  bool finished() const { return left_ == 0 && in_flight_ == 0; }
  std::size_t in_flight() const { return in_flight_; }
  std::size_t left() const { return left_; }  // not taken yet

 private:
  struct Waiting {
    Time due;
    std::size_t order = 0;  // of two due at once, the first in the schedule
    bool operator>(const Waiting& other) const { return due != other.due ? due > other.due : order > other.order; }
  };
  bool slot_free() const { return !in_flight_max_ || in_flight_ < *in_flight_max_; }
  std::optional<Waiting> front() const;

  std::vector<trace::Send> sends_;
  std::vector<std::uint32_t> timed_;  // in sends_: those that wait for no other, in order of time
  std::size_t next_timed_ = 0;
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> followers_;   // by request: in sends_
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> ready_;  // turns whose turn before has ended
  std::optional<std::size_t> in_flight_max_;
  std::size_t in_flight_ = 0;
  std::size_t left_ = 0;
  Time start_;
  Time slot_free_since_;
  Time taken_due_;  // of the send that was taken last
};

}  // namespace infbench::live
