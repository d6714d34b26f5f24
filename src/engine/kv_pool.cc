#include "engine/kv_pool.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::engine {

std::optional<KvPool::Lease> KvPool::open(std::span<const PageHash> prefix, std::int64_t total, std::int64_t headroom) {
  const std::int64_t hit = match(prefix);
  const std::int64_t wanted = total - hit;
  // A sure refusal first, without touching the order of use: the hit itself may be among the evictable pages.
  if (wanted + headroom > room()) return std::nullopt;
  Lease lease{.node = PrefixCache::kRoot, .shared = hit, .held = wanted};
  if (hit > 0) {
    const std::int64_t spare = room() - cache_.evictable_within(prefix.first(static_cast<std::size_t>(hit)));
    if (wanted + headroom > spare) return std::nullopt;
    lease.node = cache_.use(prefix.first(static_cast<std::size_t>(hit))).node;
    cache_.pin(lease.node);
  }
  take(wanted);
  return lease;
}

bool KvPool::grow(Lease& lease, std::int64_t pages) {
  if (pages > room()) return false;
  take(pages);
  lease.held += pages;
  return true;
}

void KvPool::take(std::int64_t pages) {
  if (pages > free()) cache_.evict(pages - free(), nullptr);
  INFBENCH_CHECK(pages <= free());
  held_ += pages;
  peak_in_use_ = std::max(peak_in_use_, in_use());
}

void KvPool::share(Lease& lease, std::span<const PageHash> pages) {
  const auto count = static_cast<std::int64_t>(pages.size());
  if (!keep_prefixes_ || count <= lease.shared) return;
  const std::int64_t moved = count - lease.shared;
  INFBENCH_CHECK(moved <= lease.held);
  // Give the room back first: what the cache adds is at most this.
  held_ -= moved;
  const PrefixCache::Node node = cache_.insert(pages).node;
  cache_.pin(node);
  if (lease.node != PrefixCache::kRoot) cache_.unpin(lease.node);
  lease = {.node = node, .shared = count, .held = lease.held - moved};
}

void KvPool::close(Lease& lease) {
  held_ -= lease.held;
  if (lease.node != PrefixCache::kRoot) cache_.unpin(lease.node);
  lease = Lease{};
}

}  // namespace infbench::engine
