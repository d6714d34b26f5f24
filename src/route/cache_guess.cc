#include "route/cache_guess.h"

#include <algorithm>
#include <utility>

namespace infbench::route {

Tokens CacheGuess::cached(const RequestView& request) const {
  if (request.page_tokens <= 0 || request.input <= 0) return 0;
  const Tokens most = (request.input - 1) / request.page_tokens * request.page_tokens;
  if (!tells_ || !request.told_pages) return std::min(cache_.match(request.pages) * request.page_tokens, most);
  const auto there = [&](PageHash page) { return stored_.contains(page.value) || coming_.contains(page.value); };
  const auto end = std::ranges::partition_point(request.pages, there);
  return std::min(static_cast<Tokens>(end - request.pages.begin()) * request.page_tokens, most);
}

void CacheGuess::hold(RequestId id, const Prompt& prompt) {
  if (prompt.page_tokens <= 0) return;
  let_go(id);
  const std::int64_t kept_pages = (prompt.kept + prompt.page_tokens - 1) / prompt.page_tokens;
  Lease lease{.node = cache_.insert(prompt.pages).node,
              .answer_pages = kept_pages - static_cast<std::int64_t>(prompt.pages.size())};
  if (tells_ && prompt.told_pages) {
    lease.told.assign(prompt.pages.begin(), prompt.pages.end());
    for (const PageHash page : lease.told) ++coming_[page.value];
  }
  cache_.pin(lease.node);
  answer_pages_ += lease.answer_pages;
  leases_[id.value] = std::move(lease);
  const Tokens capacity = capacity_ > 0 ? capacity_ : kCapacityUnknown;
  const std::int64_t over = cache_.pages() + answer_pages_ - capacity / prompt.page_tokens;
  if (over > 0) cache_.evict(over, nullptr);
}

void CacheGuess::let_go(RequestId id) {
  const auto lease = leases_.find(id.value);
  if (lease == leases_.end()) return;
  cache_.unpin(lease->second.node);
  answer_pages_ -= lease->second.answer_pages;
  for (const PageHash page : lease->second.told) {
    const auto coming = coming_.find(page.value);
    if (coming != coming_.end() && --coming->second == 0) coming_.erase(coming);
  }
  leases_.erase(lease);
}

void CacheGuess::take(const Event& event) {
  switch (event.what) {
    case Event::What::kv_stored:
      for (const PageHash page : event.pages) stored_.try_emplace(page.value, 1);
      break;
    case Event::What::kv_removed:
      cache_.forget(event.pages);
      for (const PageHash page : event.pages) stored_.erase(page.value);
      break;
    case Event::What::kv_cleared:
    case Event::What::kv_lost:
      tells_ = event.what == Event::What::kv_cleared;
      stored_.clear();
      cache_.evict(tells_ ? cache_.evictable() : 0, nullptr);
      break;
    default: break;
  }
}

void CacheGuess::clear() {
  CacheGuess fresh;
  fresh.capacity_ = capacity_;
  fresh.tells_ = tells_;
  fresh.stored_ = std::move(stored_);  // if it is lost the worker will say so
  *this = std::move(fresh);
}

}  // namespace infbench::route
