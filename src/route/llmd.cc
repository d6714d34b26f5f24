#include "route/llmd.h"

#include <algorithm>

namespace infbench::route {

std::variant<Pick, Hold> Llmd::pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                    Time) const {
  const auto [least, most] = std::minmax_element(
      workers.begin(), workers.end(), [](const WorkerView& a, const WorkerView& b) { return a.waiting < b.waiting; });
  double best = -1;
  std::uint64_t ties = 0;
  const WorkerView* chosen = &workers.front();
  for (const WorkerView& view : workers) {
    const double mine = score(request, view, least->waiting, most->waiting);
    if (mine < best) continue;
    ties = mine > best ? 1 : ties + 1;
    best = mine;
    // Each of n equal ones stays with 1/n.
    if (ties == 1 || random.below(ties) == 0) chosen = &view;
  }
  const Tokens hit = sent_[chosen->id.value].match(scored_pages(request)) * request.page_tokens;
  return Pick{.worker = chosen->id, .cached = std::min(hit, request.input), .why = Reason::highest_score};
}

double Llmd::score(const RequestView& request, const WorkerView& view, int least_waiting, int most_waiting) const {
  double queue = 1;
  if (most_waiting > least_waiting) {
    queue = static_cast<double>(most_waiting - view.waiting) / static_cast<double>(most_waiting - least_waiting);
  }
  double kv = 1;
  if (view.kv_capacity > 0) {
    kv = 1 - std::min(1.0, static_cast<double>(view.kv_used) / static_cast<double>(view.kv_capacity));
  }
  double prefix = 0;
  if (const auto pages = scored_pages(request); !pages.empty()) {
    prefix = static_cast<double>(sent_[view.id.value].match(pages)) / static_cast<double>(pages.size());
  }
  return parameters_.queue_weight * queue + parameters_.kv_weight * kv + parameters_.prefix_weight * prefix;
}

std::span<const PageHash> Llmd::scored_pages(const RequestView& request) const {
  if (request.page_tokens <= 0) return {};
  const auto most = static_cast<std::size_t>(parameters_.prefix_tokens_max / request.page_tokens);
  return request.pages.first(std::min(most, request.pages.size()));
}

void Llmd::on(const Event& event, Time) {
  if (event.worker.value >= sent_.size()) sent_.resize(event.worker.value + 1);
  PrefixCache& sent = sent_[event.worker.value];
  if (event.what == Event::What::down) sent = PrefixCache();
  if (event.what != Event::What::dispatched || event.asked->page_tokens <= 0) return;
  sent.insert(scored_pages(*event.asked));
  const std::int64_t over = sent.pages() - parameters_.lru_tokens / event.asked->page_tokens;
  if (over > 0) sent.evict(over, nullptr);
}

}  // namespace infbench::route
