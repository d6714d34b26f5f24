#include "route/kv_policy.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "route/exponential.h"

namespace infbench::route {

std::variant<Pick, Hold> KvCost::pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                      Time) const {
  Tokens least_prefill = std::numeric_limits<Tokens>::max();
  for (const WorkerView& view : workers) least_prefill = std::min(least_prefill, view.uncomputed);
  const double queue_from = parameters_.queue_threshold * static_cast<double>(parameters_.chunk);
  if (request.stage != Stage::decode && parameters_.queue_threshold > 0 && static_cast<double>(least_prefill) > queue_from) {
    return Hold{.until = {}, .rank = rank_of(request, workers), .closes = true};
  }
  std::size_t best = 0;
  if (parameters_.temperature > 0) {
    best = draw(workers, request, least_prefill, random);
  } else {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < workers.size(); ++i) {
      const double cost = cost_of(request, workers[i], least_prefill).blocks;
      if (cost < least) {
        least = cost;
        best = i;
      }
    }
  }
  return Pick{
      .worker = workers[best].id, .cached = cost_of(request, workers[best], least_prefill).cached, .why = Reason::least_cost};
}

KvCost::Cost KvCost::cost_of(const RequestView& request, const WorkerView& view, Tokens least_prefill) const {
  const Worker& worker = workers_[view.id.value];
  const double page = static_cast<double>(std::max<Tokens>(request.page_tokens, 1));
  const bool tail = request.page_tokens <= 0 || request.input % request.page_tokens != 0;
  const auto pages = static_cast<std::int64_t>(request.pages.size());
  const std::int64_t active =
      worker.active.pages() + worker.tails + pages - worker.active.match(request.pages) + (tail ? 1 : 0);
  Cost cost{.blocks = static_cast<double>(active) + parameters_.active_request_weight * (view.waiting + view.running),
            .cached = 0};
  if (request.stage == Stage::decode) return cost;
  cost.cached = cached(worker, request);
  const double own_blocks = std::max(1.0, static_cast<double>(request.input) / page);
  const double excess = static_cast<double>(view.uncomputed - least_prefill) / page;
  const double credit = parameters_.overlap_credit / (1 + parameters_.overlap_credit_decay * excess / own_blocks);
  const double prompts = static_cast<double>(view.uncomputed + request.input) / page;
  cost.blocks += parameters_.prefill_load_scale * std::max(0.0, prompts - credit * static_cast<double>(cost.cached) / page);
  return cost;
}

std::size_t KvCost::draw(std::span<const WorkerView> workers, const RequestView& request, Tokens least_prefill,
                         Random& random) const {
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  for (const WorkerView& view : workers) {
    const double cost = cost_of(request, view, least_prefill).blocks;
    least = std::min(least, cost);
    most = std::max(most, cost);
  }
  const double width = (most - least) * parameters_.temperature;
  if (!(width > 0)) return random.below(workers.size());
  const auto weight = [&](const WorkerView& view) {
    return exponential((least - cost_of(request, view, least_prefill).blocks) / width);
  };
  double total = 0;
  for (const WorkerView& view : workers) total += weight(view);
  double left = random.unit() * total;
  for (std::size_t i = 0; i + 1 < workers.size(); ++i) {
    left -= weight(workers[i]);
    if (left < 0) return i;
  }
  return workers.size() - 1;
}

// wspt: the prompt with the least to compute first, which is what it would cost where most of it is.
std::int64_t KvCost::rank_of(const RequestView& request, std::span<const WorkerView> workers) const {
  using Order = PolicyParameters::QueueOrder;
  switch (parameters_.queue_order) {
    case Order::fcfs: return 0;
    case Order::lcfs: return -request.at.ns;
    case Order::wspt: break;
  }
  Tokens most = 0;
  for (const WorkerView& view : workers) most = std::max(most, cached(workers_[view.id.value], request));
  return request.input - most;
}

Tokens KvCost::cached(const Worker& worker, const RequestView& request) const {
  if (parameters_.use_kv_events) return worker.told.cached(request);
  if (request.page_tokens <= 0 || request.input <= 0) return 0;
  const Tokens most = (request.input - 1) / request.page_tokens * request.page_tokens;
  return std::min(worker.recent.match(request.pages) * request.page_tokens, most);
}

void KvCost::on(const Event& event, Time now) {
  if (event.worker.value >= workers_.size()) workers_.resize(event.worker.value + 1);
  Worker& worker = workers_[event.worker.value];
  forget_old(worker, now);
  switch (event.what) {
    case Event::What::dispatched: dispatch(worker, event, now); break;
    case Event::What::first_token:
      if (event.stage != Stage::decode) computed(worker, event);
      break;
    case Event::What::finished:
    case Event::What::failed: end(worker, event.request); break;
    case Event::What::kv_stored:
    case Event::What::kv_removed:
    case Event::What::kv_cleared:
    case Event::What::kv_lost: worker.told.take(event); break;
    case Event::What::up:
      if (event.spec != nullptr) worker.told.set_capacity(event.spec->kv_capacity);
      break;
    case Event::What::down: {
      worker.told.clear();
      worker.recent = PrefixCache();
      worker.expiring.clear();
      break;
    }
  }
}

void KvCost::dispatch(Worker& worker, const Event& event, Time now) {
  INFBENCH_CHECK(event.asked != nullptr);
  const RequestView& asked = *event.asked;
  worker.page_tokens = asked.page_tokens;
  Request& request = worker.requests[event.request.value];
  request.active = worker.active.insert(asked.pages).node;
  worker.active.pin(request.active);
  request.has_tail = asked.page_tokens <= 0 || asked.input % asked.page_tokens != 0;
  if (request.has_tail) ++worker.tails;
  if (event.stage == Stage::decode) return;
  request.kept = event.stage == Stage::prefill ? asked.input : asked.input + asked.output_max;
  if (parameters_.use_kv_events) {
    request.pages.assign(asked.pages.begin(), asked.pages.end());
    request.told_pages = asked.told_pages;
  } else {
    const PrefixCache::Node node = worker.recent.insert(asked.pages).node;
    worker.recent.pin(node);
    worker.expiring.push_back({.until = now + parameters_.approximate_ttl, .node = node});
  }
}

void KvCost::computed(Worker& worker, const Event& event) {
  const auto found = worker.requests.find(event.request.value);
  if (found == worker.requests.end() || !parameters_.use_kv_events) return;
  Request& request = found->second;
  worker.told.hold(event.request, {request.pages, request.kept, worker.page_tokens, request.told_pages});
  std::vector<PageHash>().swap(request.pages);
}

void KvCost::end(Worker& worker, RequestId id) {
  const auto found = worker.requests.find(id.value);
  if (found == worker.requests.end()) return;
  worker.told.let_go(id);
  worker.active.unpin(found->second.active);
  worker.active.evict(worker.active.evictable(), nullptr);
  if (found->second.has_tail) --worker.tails;
  worker.requests.erase(found);
}

void KvCost::forget_old(Worker& worker, Time now) const {
  if (worker.expiring.empty() || worker.expiring.front().until > now) return;
  while (!worker.expiring.empty() && worker.expiring.front().until <= now) {
    worker.recent.unpin(worker.expiring.front().node);
    worker.expiring.pop_front();
  }
  worker.recent.evict(worker.recent.evictable(), nullptr);
}

}  // namespace infbench::route
