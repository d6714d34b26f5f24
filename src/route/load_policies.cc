#include "route/load_policies.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/hash.h"

namespace infbench::route {
namespace {

constexpr std::int64_t kFirstRange = 4096;  // characters, over all buckets

std::tuple<Tokens, int> load(const WorkerView& worker) { return {worker.kv_used, worker.waiting + worker.running}; }

}  // namespace

// ---- power_of_two

std::variant<Pick, Hold> PowerOfTwo::pick(const RequestView&, std::span<const WorkerView> workers, Random& random,
                                          Time now) const {
  const std::size_t first = random.below(workers.size());
  if (workers.size() == 1) return Pick{.worker = workers[first].id, .cached = 0, .why = Reason::least_load};
  std::size_t second = random.below(workers.size() - 1);
  if (second >= first) ++second;
  const bool second_is_less = load_poll_ > Duration{} ? polled(workers[second].id, now) < polled(workers[first].id, now)
                                                      : load(workers[second]) < load(workers[first]);
  return Pick{.worker = workers[second_is_less ? second : first].id, .cached = 0, .why = Reason::least_load};
}

Tokens PowerOfTwo::polled(WorkerId id, Time now) const {
  if (id.value >= workers_.size()) return 0;
  return poll_is_due(now) ? workers_[id.value].tokens : workers_[id.value].polled;  // nothing has happened since then
}

void PowerOfTwo::on(const Event& event, Time now) {
  if (load_poll_ <= Duration{}) return;
  if (poll_is_due(now)) {
    for (Worker& worker : workers_) worker.polled = worker.tokens;
    polled_ = now.ns / load_poll_.ns;
  }
  if (event.worker.value >= workers_.size()) workers_.resize(event.worker.value + 1);
  Worker& worker = workers_[event.worker.value];
  if (event.what == Event::What::dispatched) {
    worker.tokens += event.asked->input;
    worker.requests[event.request.value] = event.asked->input;
  } else if (event.what == Event::What::finished || event.what == Event::What::failed) {
    const auto request = worker.requests.find(event.request.value);
    if (request == worker.requests.end()) return;
    worker.tokens -= request->second;
    worker.requests.erase(request);
  }
}

// ---- least_load

std::variant<Pick, Hold> LeastLoad::pick(const RequestView&, std::span<const WorkerView> workers, Random&, Time) const {
  const auto seconds_of = [&](const WorkerView& view) {
    double used = 0;
    if (view.kv_capacity > 0) {
      used = std::min(0.999, static_cast<double>(view.kv_used) / static_cast<double>(view.kv_capacity));
    }
    return static_cast<double>(view.uncomputed) / parameters_.drain_tokens_per_s +
           parameters_.kv_pressure_weight * used / (1 - used);
  };
  const auto least = std::min_element(workers.begin(), workers.end(),
                                      [&](const WorkerView& a, const WorkerView& b) { return seconds_of(a) < seconds_of(b); });
  return Pick{.worker = least->id, .cached = 0, .why = Reason::least_load};
}

// ---- manual

const Manual::Key* Manual::find(std::string_view key, Time now) const {
  if (key.empty()) return nullptr;
  const auto found = keys_.find(hash_bytes(key));
  return found == keys_.end() || now - found->second.used > parameters_.max_idle ? nullptr : &found->second;
}

std::variant<Pick, Hold> Manual::pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                      Time now) const {
  if (const Key* key = find(request.key, now); key != nullptr) {
    for (const WorkerId id : key->workers) {
      if (std::any_of(workers.begin(), workers.end(), [&](const WorkerView& worker) { return worker.id == id; }))
        return Pick{.worker = id, .cached = 0, .why = Reason::routing_key};
    }
  }
  return assign(workers, random);
}

Pick Manual::assign(std::span<const WorkerView> workers, Random& random) const {
  using Mode = PolicyParameters::AssignmentMode;
  if (parameters_.assignment_mode == Mode::random) {
    return {.worker = workers[random.below(workers.size())].id, .cached = 0, .why = Reason::chance};
  }
  const auto cost = [&](const WorkerView& worker) {
    if (parameters_.assignment_mode == Mode::min_load) return load(worker);
    return std::tuple<Tokens, int>{worker.id.value < groups_.size() ? groups_[worker.id.value] : 0, 0};
  };
  const auto least = std::min_element(workers.begin(), workers.end(),
                                      [&](const WorkerView& a, const WorkerView& b) { return cost(a) < cost(b); });
  return {.worker = least->id, .cached = 0, .why = Reason::least_load};
}

void Manual::on(const Event& event, Time now) {
  if (event.what != Event::What::dispatched || event.asked->key.empty()) return;
  forget_idle(now);
  Key& key = keys_[hash_bytes(event.asked->key)];
  count(key, -1);
  if (now - key.used > parameters_.max_idle) key.workers.clear();
  key.used = now;
  if (std::find(key.workers.begin(), key.workers.end(), event.worker) == key.workers.end()) {
    if (key.workers.size() == 2) key.workers.erase(key.workers.begin());  // neither can be had: the older one goes
    key.workers.push_back(event.worker);
  }
  count(key, 1);
}

void Manual::count(const Key& key, int by) {
  for (const WorkerId id : key.workers) {
    if (id.value >= groups_.size()) groups_.resize(id.value + 1);
    groups_[id.value] += by;
  }
}

void Manual::forget_idle(Time now) {
  if (parameters_.eviction_interval <= Duration{} || now - swept_ < parameters_.eviction_interval) return;
  swept_ = now;
  for (auto each = keys_.begin(); each != keys_.end();) {
    if (now - each->second.used <= parameters_.max_idle) {
      ++each;
      continue;
    }
    count(each->second, -1);
    each = keys_.erase(each);
  }
}

// ---- bucket

std::variant<Pick, Hold> Bucket::pick(const RequestView& request, std::span<const WorkerView> workers, Random&, Time) const {
  const auto [least, most] = std::minmax_element(
      workers.begin(), workers.end(), [&](const WorkerView& a, const WorkerView& b) { return sent(a.id) < sent(b.id); });
  const std::int64_t low = sent(least->id);
  const std::int64_t high = sent(most->id);
  if (high - low > parameters_.balance_abs_threshold &&
      static_cast<double>(high) > static_cast<double>(low) * parameters_.balance_rel_threshold) {
    return Pick{.worker = least->id, .cached = 0, .why = Reason::imbalance};
  }
  const auto length = static_cast<std::int64_t>(request.chars);
  const auto place = static_cast<std::size_t>(std::upper_bound(edges_.begin(), edges_.end(), length) - edges_.begin());
  if (place < up_.size()) {
    const WorkerId chosen = up_[place];
    if (std::any_of(workers.begin(), workers.end(), [&](const WorkerView& worker) { return worker.id == chosen; }))
      return Pick{.worker = chosen, .cached = 0, .why = Reason::length};
  }
  return Pick{.worker = least->id, .cached = 0, .why = Reason::least_load};
}

void Bucket::on(const Event& event, Time now) {
  if (event.what == Event::What::up || event.what == Event::What::down) {
    set_up(event.worker, event.what == Event::What::up);
  } else if (event.what == Event::What::dispatched) {
    adjust_if_due(now);
    const auto length = static_cast<std::int64_t>(event.asked->chars);
    lengths_.push_back(length);
    if (event.worker.value >= sent_.size()) sent_.resize(event.worker.value + 1);
    sent_[event.worker.value] += length;
  }
}

void Bucket::set_up(WorkerId worker, bool up) {
  const auto place = std::lower_bound(up_.begin(), up_.end(), worker);
  const bool known = place != up_.end() && *place == worker;
  if (known == up) return;
  if (up) {
    up_.insert(place, worker);
  } else {
    up_.erase(place);
  }
  // Other ranges for another number of workers, from the start.
  edges_.clear();
  share_ = 0;
  const auto count = static_cast<std::int64_t>(up_.size());
  for (std::int64_t i = 1; i < count; ++i) edges_.push_back(kFirstRange * i / count);
}

void Bucket::adjust_if_due(Time now) {
  const std::int64_t interval = parameters_.bucket_adjust_interval.ns;
  if (now.ns - adjusted_.ns < interval) return;
  adjusted_.ns = now.ns - now.ns % interval;
  adjust();
  lengths_.clear();
  std::fill(sent_.begin(), sent_.end(), 0);
}

void Bucket::adjust() {
  if (lengths_.empty() || up_.size() < 2) return;
  const auto count = static_cast<std::int64_t>(up_.size());
  std::int64_t total = 0;
  for (const std::int64_t length : lengths_) total += length;
  const std::int64_t share = total / count;
  if (share <= 2 * share_ && 2 * share >= share_) return;
  share_ = share;
  std::sort(lengths_.begin(), lengths_.end());
  edges_.clear();
  std::int64_t so_far = 0;
  for (const std::int64_t length : lengths_) {
    so_far += length;
    while (static_cast<std::int64_t>(edges_.size()) < count - 1 &&
           so_far >= share * (static_cast<std::int64_t>(edges_.size()) + 1)) {
      edges_.push_back(length + 1);
    }
  }
}

}  // namespace infbench::route
