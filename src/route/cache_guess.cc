#include "route/cache_guess.h"

#include <algorithm>

namespace infbench::route {

Tokens CacheGuess::cached(const RequestView& request) const {
  if (request.page_tokens <= 0 || request.input <= 0) return 0;
  const Tokens most = (request.input - 1) / request.page_tokens * request.page_tokens;
  return std::min(cache_.match(request.pages) * request.page_tokens, most);
}

void CacheGuess::hold(RequestId id, std::span<const PageHash> pages, Tokens kept, Tokens page_tokens) {
  if (page_tokens <= 0) return;
  let_go(id);
  const std::int64_t kept_pages = (kept + page_tokens - 1) / page_tokens;
  const Lease lease{.node = cache_.insert(pages).node, .answer_pages = kept_pages - static_cast<std::int64_t>(pages.size())};
  cache_.pin(lease.node);
  answer_pages_ += lease.answer_pages;
  leases_[id.value] = lease;
  if (capacity_ <= 0) return;
  const std::int64_t over = cache_.pages() + answer_pages_ - capacity_ / page_tokens;
  if (over > 0) cache_.evict(over, nullptr);
}

void CacheGuess::let_go(RequestId id) {
  const auto lease = leases_.find(id.value);
  if (lease == leases_.end()) return;
  cache_.unpin(lease->second.node);
  answer_pages_ -= lease->second.answer_pages;
  leases_.erase(lease);
}

void CacheGuess::clear() {
  const Tokens capacity = capacity_;
  *this = CacheGuess{};
  capacity_ = capacity;
}

}  // namespace infbench::route
