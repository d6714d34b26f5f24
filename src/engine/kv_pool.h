// KvPool: the KV memory of one worker, in pages: shared prefixes (kept, evictable when unused) and what requests hold alone.
//
// At any moment: kept + held + free = capacity. A Lease is one request's share: a pinned prefix and pages of its own. The
// Worker owns the pool; its leases must be closed in it. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/prefix_cache.h"
#include "base/types.h"

namespace infbench::engine {

class KvPool {
 public:
  // capacity_pages > 0. Without `keep_prefixes` nothing is shared (a decode worker of a disaggregated pair).
  KvPool(std::int64_t capacity_pages, bool keep_prefixes) : capacity_(capacity_pages), keep_prefixes_(keep_prefixes) {}

  // A request's share: `shared` pages of its prompt in the cache, up to `node`, and `held` pages of its own.
  struct Lease {
    PrefixCache::Node node = PrefixCache::kRoot;
    std::int64_t shared = 0;
    std::int64_t held = 0;
  };

  // A share of `total` pages in all, of which as many as possible of `prefix` come from the cache; other prefixes are evicted
  // if need be, least recently used first. Nothing changes if it does not fit now with `headroom` pages to spare.
  std::optional<Lease> open(std::span<const PageHash> prefix, std::int64_t total, std::int64_t headroom = 0);

  // `pages` more that the request holds alone; other prefixes are evicted if need be. False, and nothing changes: no room.
  bool grow(Lease& lease, std::int64_t pages);

  // `pages` of this request are computed: from now on others may share them. They move from held to shared; those that another
  // request has brought meanwhile are given back.
  void share(Lease& lease, std::span<const PageHash> pages);

  // Gives back what is held and unpins what is shared.
  void close(Lease& lease);

  std::int64_t capacity() const { return capacity_; }
  std::int64_t free() const { return capacity_ - held_ - cache_.pages(); }
  std::int64_t room() const { return free() + cache_.evictable(); }
  // How many pages of the prompt's start are kept.
  std::int64_t match(std::span<const PageHash> pages) const { return keep_prefixes_ ? cache_.match(pages) : 0; }
  std::int64_t in_use() const { return held_ + cache_.pages() - cache_.evictable(); }  // by open leases
  std::int64_t peak_in_use() const { return peak_in_use_; }

 private:
  void take(std::int64_t pages);

  std::int64_t capacity_;
  bool keep_prefixes_;
  PrefixCache cache_;
  std::int64_t held_ = 0;
  std::int64_t peak_in_use_ = 0;
};

}  // namespace infbench::engine
