#include "route/cache_aware.h"

#include <algorithm>

namespace infbench::route {
namespace {

int load(const WorkerView& worker) { return worker.waiting + worker.running; }

}  // namespace

std::variant<Pick, Hold> CacheAware::pick(const RequestView& request, std::span<const WorkerView> workers, Random&,
                                          Time) const {
  const WorkerView* least = &least_loaded(workers);
  const auto most = std::max_element(workers.begin(), workers.end(),
                                     [](const WorkerView& a, const WorkerView& b) { return load(a) < load(b); });
  const bool imbalanced =
      load(*most) - load(*least) > parameters_.balance_abs_threshold &&
      static_cast<double>(load(*most)) > static_cast<double>(load(*least)) * parameters_.balance_rel_threshold;
  const TenantTree::Match match = tree_.match(request.pages);
  if (imbalanced) return with_match(least->id, Reason::imbalance, match, request);
  if (!worth_following(match, request)) return with_match(least->id, Reason::least_load, match, request);
  const bool there = std::any_of(workers.begin(), workers.end(), [&](const WorkerView& w) { return w.id == *match.tenant; });
  if (there) return with_match(*match.tenant, Reason::longest_match, match, request);
  return with_match(workers.front().id, Reason::holder_gone, match, request);
}

// Of equally little loaded ones the first, or the one with the smallest tree.
const WorkerView& CacheAware::least_loaded(std::span<const WorkerView> workers) const {
  const WorkerView* least = &workers.front();
  for (const WorkerView& worker : workers.subspan(1)) {
    const bool less = load(worker) < load(*least);
    const bool smaller =
        parameters_.spread_cold && load(worker) == load(*least) && tree_.chars(worker.id) < tree_.chars(least->id);
    if (less || smaller) least = &worker;
  }
  return *least;
}

void CacheAware::on(const Event& event, Time now) {
  if (event.worker.value >= down_.size()) down_.resize(event.worker.value + 1, false);
  switch (event.what) {
    case Event::What::up: down_[event.worker.value] = false; break;
    case Event::What::down: down_[event.worker.value] = true; break;
    case Event::What::dispatched:
      evict_if_due(now);
      remove_stale(*event.asked);
      insert(*event.asked, event.worker);
      break;
    case Event::What::first_token:
    case Event::What::finished:
    case Event::What::failed:
    case Event::What::kv_stored:
    case Event::What::kv_removed:
    case Event::What::kv_cleared:
    case Event::What::kv_lost: break;
  }
}

// pick() may not change the tree: the stale tenant that it came upon is taken out here, before it can be asked again.
void CacheAware::remove_stale(const RequestView& request) {
  if (std::find(down_.begin(), down_.end(), true) == down_.end()) return;
  const TenantTree::Match match = tree_.match(request.pages);
  if (!worth_following(match, request)) return;
  if (match.tenant->value < down_.size() && down_[match.tenant->value]) tree_.remove(*match.tenant);
}

void CacheAware::insert(const RequestView& request, WorkerId worker) {
  if (request.input <= 0) return;
  tree_.insert(request.pages, static_cast<std::int64_t>(request.chars) * request.page_tokens / request.input, worker);
}

// Pages stand for the text: the share of characters that match is that of tokens. What comes after the last full page never
// matches.
bool CacheAware::worth_following(const TenantTree::Match& match, const RequestView& request) const {
  if (!match.tenant || request.input <= 0) return false;
  const Tokens matched = static_cast<Tokens>(match.pages) * request.page_tokens;
  return static_cast<double>(matched) / static_cast<double>(request.input) > parameters_.cache_threshold;
}

Pick CacheAware::with_match(WorkerId worker, Reason why, const TenantTree::Match& match, const RequestView& request) const {
  if (request.stage == Stage::decode) return {.worker = worker, .cached = 0, .why = why};  // decode workers keep no prefixes
  const auto pages = static_cast<Tokens>(tree_.pages_of(worker, match));
  return {.worker = worker, .cached = std::min(pages * request.page_tokens, request.input), .why = why};
}

// The router has a thread that wakes every interval; nothing looks at the tree in between, so doing it before the next
// insertion that is past the moment is the same but for the picks between the two.
void CacheAware::evict_if_due(Time now) {
  const std::int64_t interval = parameters_.eviction_interval.ns;
  if (interval <= 0 || now.ns - evicted_.ns < interval) return;
  evicted_.ns = now.ns - now.ns % interval;
  tree_.evict(parameters_.max_tree_size);
}

}  // namespace infbench::route
