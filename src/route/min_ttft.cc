#include "route/min_ttft.h"

#include <algorithm>
#include <climits>
#include <tuple>

#include "base/check.h"

namespace infbench::route {

std::variant<Pick, Hold> MinTtft::pick(const RequestView& request, std::span<const WorkerView> workers, Random&,
                                       Time now) const {
  if (request.stage == Stage::decode) return pick_decode(request, workers);
  const bool timed = std::all_of(workers.begin(), workers.end(), [](const WorkerView& view) { return view.speed != nullptr; });
  Pick best{.worker = {}, .cached = 0, .why = Reason::least_ttft};
  std::tuple least{INT64_MAX, INT_MAX, UINT64_MAX};
  for (const WorkerView& view : workers) {
    const Worker& worker = workers_[view.id.value];
    const Tokens hit = cached(worker, request);
    std::int64_t cost = view.uncomputed + request.input - hit;
    Duration ttft;
    if (timed) {
      ttft = worker.queue.wait(now) + seconds(*view.speed, hit, request.input);
      cost = ttft.ns;
    }
    if (view.scale != 1.0) cost = static_cast<std::int64_t>(static_cast<double>(cost) * view.scale);
    const std::uint64_t last = parameters_.spread_cold ? worker.last : 0;
    if (const std::tuple mine{cost, view.running, last}; mine < least) {
      least = mine;
      best.worker = view.id;
      best.cached = hit;
      best.ttft = ttft;
    }
  }
  return best;
}

Pick MinTtft::pick_decode(const RequestView& request, std::span<const WorkerView> workers) const {
  const bool timed = std::all_of(workers.begin(), workers.end(), [](const WorkerView& view) { return view.speed != nullptr; });
  Pick best{.worker = {}, .cached = 0, .why = Reason::least_context};
  std::tuple least{INT64_MAX, INT_MAX};
  for (const WorkerView& view : workers) {
    const Tokens context = view.kv_used + request.input;
    const int requests = view.waiting + view.running + 1;
    const std::int64_t cost = timed ? view.speed->decode_sum(requests, context, 1) : context;
    if (const std::tuple mine{cost, requests}; mine < least) {
      least = mine;
      best.worker = view.id;
    }
  }
  return best;
}

void MinTtft::on(const Event& event, Time now) {
  if (event.stage == Stage::decode) return;
  if (event.worker.value >= workers_.size()) workers_.resize(event.worker.value + 1);
  Worker& worker = workers_[event.worker.value];
  switch (event.what) {
    case Event::What::dispatched: dispatch(worker, event, now); break;
    case Event::What::first_token:
      worker.queue.computed(event.request, event.at);
      if (event.stage == Stage::prefill) let_go(worker, event.request);
      break;
    case Event::What::finished:
    case Event::What::failed:
      worker.queue.drop(event.request);
      let_go(worker, event.request);
      break;
    case Event::What::kv_removed: worker.cache.forget(event.pages); [[fallthrough]];
    case Event::What::kv_stored:
    case Event::What::kv_cleared:
    case Event::What::kv_lost: told(worker, event); break;
    case Event::What::up:
      if (event.spec != nullptr) come_up(worker, *event.spec);
      break;
    case Event::What::down: {  // it comes back with an empty cache
      Worker fresh;
      fresh.kv_capacity = worker.kv_capacity;
      fresh.speed = worker.speed;
      fresh.tells = worker.tells;
      fresh.stored = std::move(worker.stored);  // if it is lost it will say so
      worker = std::move(fresh);
      break;
    }
  }
}

// A prompt that is cached as a whole still computes its last page.
Tokens MinTtft::cached(const Worker& worker, const RequestView& request) const {
  if (request.page_tokens <= 0 || request.input <= 0) return 0;
  const Tokens most = (request.input - 1) / request.page_tokens * request.page_tokens;
  if (!worker.tells || !request.told_pages) return std::min(worker.cache.match(request.pages) * request.page_tokens, most);
  const auto there = [&](PageHash page) { return worker.stored.contains(page.value) || worker.coming.contains(page.value); };
  const auto end = std::ranges::partition_point(request.pages, there);
  return std::min(static_cast<Tokens>(end - request.pages.begin()) * request.page_tokens, most);
}

Duration MinTtft::seconds(const cost::StepTime& speed, Tokens cached, Tokens input) const {
  return {speed.prefill(cached, input, parameters_.chunk) / cost::kTicksPerNs};
}

void MinTtft::come_up(Worker& worker, const WorkerSpec& spec) const {
  worker.kv_capacity = spec.kv_capacity;
  worker.speed = spec.speed;
  if (spec.speed != nullptr) worker.queue.set_step(seconds(*spec.speed, 0, parameters_.chunk));
}

void MinTtft::dispatch(Worker& worker, const Event& event, Time now) {
  worker.last = ++dispatches_;
  INFBENCH_CHECK(event.asked != nullptr);
  const RequestView& request = *event.asked;
  const Duration own = worker.speed == nullptr ? Duration{} : seconds(*worker.speed, event.cached, request.input);
  worker.queue.push(event.request, own, now);
  if (request.page_tokens <= 0) return;
  // A prefill worker is rid of the request before its answer begins.
  const Tokens kept = event.stage == Stage::prefill ? request.input : request.input + request.output_max;
  const std::int64_t kept_pages = (kept + request.page_tokens - 1) / request.page_tokens;
  Lease lease{.node = worker.cache.insert(request.pages).node,
              .answer_pages = kept_pages - static_cast<std::int64_t>(request.pages.size())};
  if (worker.tells && request.told_pages) {
    lease.told.assign(request.pages.begin(), request.pages.end());
    for (const PageHash page : lease.told) ++worker.coming[page.value];
  }
  worker.cache.pin(lease.node);
  worker.answer_pages += lease.answer_pages;
  worker.leases[event.request.value] = std::move(lease);
  if (worker.kv_capacity <= 0) return;
  const std::int64_t over = worker.cache.pages() + worker.answer_pages - worker.kv_capacity / request.page_tokens;
  if (over > 0) worker.cache.evict(over, nullptr);
}

void MinTtft::told(Worker& worker, const Event& event) {
  switch (event.what) {
    case Event::What::kv_stored:
      for (const PageHash page : event.pages) worker.stored.try_emplace(page.value, 1);
      break;
    case Event::What::kv_removed:
      for (const PageHash page : event.pages) worker.stored.erase(page.value);
      break;
    default:
      worker.tells = event.what == Event::What::kv_cleared;
      worker.stored.clear();
      worker.cache.evict(worker.tells ? worker.cache.evictable() : 0, nullptr);
  }
}

void MinTtft::let_go(Worker& worker, RequestId id) {
  const auto lease = worker.leases.find(id.value);
  if (lease == worker.leases.end()) return;
  worker.cache.unpin(lease->second.node);
  worker.answer_pages -= lease->second.answer_pages;
  for (const PageHash page : lease->second.told) {
    const auto coming = worker.coming.find(page.value);
    if (coming != worker.coming.end() && --coming->second == 0) worker.coming.erase(coming);
  }
  worker.leases.erase(lease);
}

}  // namespace infbench::route
