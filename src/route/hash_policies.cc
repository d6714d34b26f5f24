#include "route/hash_policies.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace infbench::route {
namespace {

int requests_of(const WorkerView& worker) { return worker.waiting + worker.running; }

}  // namespace

void HashRing::add(WorkerId worker) {
  if (std::ranges::any_of(points_, [&](const Point& point) { return point.worker == worker; })) return;
  std::uint64_t hash = mix64(worker.value + 1);
  for (int i = 0; i < kPoints; ++i) {
    hash = mix64(hash);
    points_.push_back({.hash = hash, .worker = worker});
  }
  std::sort(points_.begin(), points_.end());
}

const WorkerView& HashRing::at(std::uint64_t hash, std::span<const WorkerView> workers) const {
  const auto start = std::lower_bound(points_.begin(), points_.end(), hash,
                                      [](const Point& point, std::uint64_t value) { return point.hash < value; });
  const auto begin = static_cast<std::size_t>(start - points_.begin());
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const WorkerId id = points_[(begin + i) % points_.size()].worker;
    const auto found = std::find_if(workers.begin(), workers.end(), [&](const WorkerView& view) { return view.id == id; });
    if (found != workers.end()) return *found;
  }
  INFBENCH_CHECK(false);  // every candidate came up once
  return workers.front();
}

std::optional<std::uint64_t> beginning_of(const RequestView& request, Tokens tokens) {
  if (request.pages.empty() || request.page_tokens <= 0) return std::nullopt;
  const auto pages = static_cast<std::size_t>((tokens + request.page_tokens - 1) / request.page_tokens);
  return request.pages[std::min(std::max<std::size_t>(pages, 1), request.pages.size()) - 1].value;
}

std::variant<Pick, Hold> PrefixHash::pick(const RequestView& request, std::span<const WorkerView> workers, Random&,
                                          Time) const {
  const auto least = std::min_element(workers.begin(), workers.end(),
                                      [](const WorkerView& a, const WorkerView& b) { return requests_of(a) < requests_of(b); });
  const auto hash = beginning_of(request, parameters_.prefix_token_count);
  if (!hash) return Pick{.worker = least->id, .cached = 0, .why = Reason::least_load};
  int total = 1;
  for (const WorkerView& worker : workers) total += requests_of(worker);
  const WorkerView& home = ring_.at(mix64(*hash), workers);
  const double most = static_cast<double>(total) / static_cast<double>(workers.size()) * parameters_.load_factor;
  if (static_cast<double>(requests_of(home)) > most) {
    return Pick{.worker = least->id, .cached = 0, .why = Reason::imbalance};
  }
  return Pick{.worker = home.id, .cached = 0, .why = Reason::prefix_hash};
}

void PrefixHash::on(const Event& event, Time) {
  if (event.what == Event::What::up) ring_.add(event.worker);
}

std::variant<Pick, Hold> ConsistentHash::pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                              Time) const {
  if (!request.key.empty()) {
    return Pick{.worker = ring_.at(mix64(hash_bytes(request.key)), workers).id, .cached = 0, .why = Reason::routing_key};
  }
  if (const auto hash = beginning_of(request, parameters_.hash_token_count)) {
    return Pick{.worker = ring_.at(mix64(*hash), workers).id, .cached = 0, .why = Reason::prefix_hash};
  }
  return Pick{.worker = workers[random.below(workers.size())].id, .cached = 0, .why = Reason::chance};
}

void ConsistentHash::on(const Event& event, Time) {
  if (event.what == Event::What::up) ring_.add(event.worker);
}

}  // namespace infbench::route
