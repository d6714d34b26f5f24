#include "live/replay_schedule.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace infbench::live {
namespace {

// -ln(u) for u in (0, 1]: the same bits on every machine, which the library's logarithm does not promise.
// u = m * 2^e with m in [1/sqrt 2, sqrt 2); ln m = 2 atanh((m - 1) / (m + 1)), a series that ends below 2^-56 after 16 terms.
double minus_log(double u) {
  constexpr double kLn2 = 0.6931471805599453;
  constexpr double kHalfRoot = 0.7071067811865476;
  int exponent = 0;
  double mantissa = std::frexp(u, &exponent);  // exact
  if (mantissa < kHalfRoot) {
    mantissa *= 2;
    --exponent;
  }
  const double z = (mantissa - 1) / (mantissa + 1);
  double power = z;
  double sum = 0;
  for (int k = 1; k < 32; k += 2) {
    sum += power / k;
    power *= z * z;
  }
  return -(2 * sum + exponent * kLn2);
}

}  // namespace

trace::Schedule fixed_schedule(const trace::Trace& trace, double speed, std::optional<Duration> start,
                               std::optional<Duration> end) {
  trace::Schedule schedule;
  std::vector<bool> in(trace.size());
  const Duration zero = start.value_or(Duration{});
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    const trace::Request request = trace.request({i});
    const Duration at = request.at - Time{};
    if (at < zero || (end && at > *end)) continue;
    if (request.previous && !in[request.previous->value]) continue;
    in[i] = true;
    schedule.sends.push_back({.request = {i},
                              .at = Time{} + trace::divided(at - zero, speed),
                              .after = request.previous,
                              .delay = trace::divided(request.delay, speed)});
  }
  return schedule;
}

trace::Schedule closed_loop(const trace::Trace& trace, std::size_t requests, int in_flight_max) {
  INFBENCH_CHECK(in_flight_max > 0);
  trace::Schedule schedule;
  schedule.in_flight_max = in_flight_max;
  for (std::uint32_t i = 0; i < std::min(requests, trace.size()); ++i) {
    const trace::Request request = trace.request({i});
    schedule.sends.push_back({.request = {i}, .at = Time{}, .after = request.previous, .delay = request.delay});
  }
  return schedule;
}

trace::Schedule at_rate(const trace::Trace& trace, std::size_t requests, double per_second, bool poisson, std::uint64_t seed) {
  INFBENCH_CHECK(per_second > 0);
  Random random(seed);
  trace::Schedule schedule;
  double at_s = 0;
  for (std::uint32_t i = 0; i < std::min(requests, trace.size()); ++i) {
    const trace::Request request = trace.request({i});
    const Time at{static_cast<std::int64_t>(std::min(at_s * 1e9, 9e18))};
    schedule.sends.push_back(
        {.request = {i}, .at = request.previous ? Time{} : at, .after = request.previous, .delay = request.delay});
    if (!request.previous) at_s += (poisson ? minus_log(1 - random.unit()) : 1.0) / per_second;
  }
  return schedule;
}

std::vector<trace::Schedule> deal_out(const trace::Schedule& schedule, std::size_t parts) {
  INFBENCH_CHECK(parts > 0);
  if (schedule.in_flight_max) parts = std::min(parts, static_cast<std::size_t>(*schedule.in_flight_max));
  std::vector<trace::Schedule> dealt(parts);
  std::unordered_map<std::uint32_t, std::size_t> part_of;  // by request, of those that others follow
  for (const trace::Send& send : schedule.sends) {
    if (send.after) part_of.emplace(send.after->value, 0);
  }
  std::size_t turn = 0;
  for (const trace::Send& send : schedule.sends) {
    std::size_t part = 0;
    if (send.after) {
      part = part_of[send.after->value];
    } else {
      part = turn++ % parts;
    }
    if (const auto followed = part_of.find(send.request.value); followed != part_of.end()) followed->second = part;
    dealt[part].sends.push_back(send);
  }
  if (schedule.in_flight_max) {
    const auto all = static_cast<std::size_t>(*schedule.in_flight_max);
    for (std::size_t i = 0; i < parts; ++i) dealt[i].in_flight_max = static_cast<int>(all / parts + (i < all % parts ? 1 : 0));
  }
  std::erase_if(dealt, [](const trace::Schedule& part) { return part.sends.empty(); });
  return dealt;
}

Pacer::Pacer(trace::Schedule schedule, Time start)
    : sends_(std::move(schedule.sends)),
      left_(sends_.size()),
      start_(start),
      slot_free_since_(start),
      taken_due_(start - kAwakeBefore * 20) {
  INFBENCH_CHECK(!schedule.in_flight_max || *schedule.in_flight_max > 0);
  if (schedule.in_flight_max) in_flight_max_ = static_cast<std::size_t>(*schedule.in_flight_max);
  for (std::uint32_t i = 0; i < sends_.size(); ++i) {
    if (sends_[i].after) {
      followers_[sends_[i].after->value].push_back(i);
    } else {
      timed_.push_back(i);
    }
  }
  std::stable_sort(timed_.begin(), timed_.end(), [this](auto a, auto b) { return sends_[a].at < sends_[b].at; });
}

std::optional<Pacer::Waiting> Pacer::front() const {
  std::optional<Waiting> first;
  if (next_timed_ < timed_.size()) {
    const std::uint32_t order = timed_[next_timed_];
    first = {.due = start_ + (sends_[order].at - Time{}), .order = order};
  }
  if (!ready_.empty() && (!first || *first > ready_.top())) first = ready_.top();
  return first;
}

std::optional<Pacer::Due> Pacer::take(Time now) {
  if (!slot_free()) return std::nullopt;
  const std::optional<Waiting> first = front();
  if (!first || first->due > now) return std::nullopt;
  if (next_timed_ < timed_.size() && timed_[next_timed_] == first->order) {
    ++next_timed_;
  } else {
    ready_.pop();
  }
  --left_;
  ++in_flight_;
  taken_due_ = first->due;
  return Due{.request = sends_[first->order].request, .scheduled = std::max(first->due, slot_free_since_)};
}

std::vector<trace::RequestIndex> Pacer::ended(trace::RequestIndex request, bool ok, Time now) {
  INFBENCH_CHECK(in_flight_ > 0);
  if (!slot_free()) slot_free_since_ = now;
  --in_flight_;
  std::vector<trace::RequestIndex> given_up;
  const auto found = followers_.find(request.value);
  if (found == followers_.end()) return given_up;
  const std::vector<std::uint32_t> next = std::move(found->second);
  followers_.erase(found);
  if (ok) {
    for (const std::uint32_t i : next) {
      ready_.push({.due = std::max(start_ + (sends_[i].at - Time{}), now + sends_[i].delay), .order = i});
    }
    return given_up;
  }
  for (const std::uint32_t i : next) given_up.push_back(sends_[i].request);
  for (std::size_t k = 0; k < given_up.size(); ++k) {
    const auto more = followers_.find(given_up[k].value);
    if (more == followers_.end()) continue;
    for (const std::uint32_t i : more->second) given_up.push_back(sends_[i].request);
    followers_.erase(more);
  }
  left_ -= given_up.size();
  return given_up;
}

std::optional<Time> Pacer::next() const {
  if (!slot_free()) return std::nullopt;
  const std::optional<Waiting> first = front();
  if (!first) return std::nullopt;
  return first->due;
}

std::optional<Time> Pacer::awake_from() const {
  const std::optional<Time> due = next();
  if (!due) return std::nullopt;
  return *due - std::clamp(Duration{(*due - taken_due_).ns / 20}, Duration{}, kAwakeBefore);
}

std::vector<trace::RequestIndex> Pacer::upcoming(std::size_t most, Duration span) const {
  std::vector<trace::RequestIndex> requests;
  if (next_timed_ >= timed_.size()) return requests;
  if (in_flight_max_) most = std::min(most, *in_flight_max_ - std::min(in_flight_, *in_flight_max_));
  const Time until = sends_[timed_[next_timed_]].at + span;
  for (std::size_t i = next_timed_; i < timed_.size() && requests.size() < most; ++i) {
    if (sends_[timed_[i]].at > until) break;
    requests.push_back(sends_[timed_[i]].request);
  }
  return requests;
}

std::size_t Pacer::stop() {
  const std::size_t unsent = left_;
  left_ = 0;
  next_timed_ = timed_.size();
  followers_.clear();
  ready_ = {};
  return unsent;
}

}  // namespace infbench::live
