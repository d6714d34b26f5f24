#include "base/prefix_cache.h"

#include <algorithm>

namespace infbench {

// The order of use: a doubly linked list through the unpinned nodes. Whenever a path is used, its deepest node is moved first
// and the root-most last, so a parent is always newer than its children, and the oldest node is always a leaf: eviction never
// searches.

PrefixCache::PrefixCache() = default;

std::int64_t PrefixCache::match(std::span<const PageHash> pages) const {
  return static_cast<std::int64_t>(tree_.find(pages).pages);
}

std::int64_t PrefixCache::evictable_within(std::span<const PageHash> pages) const {
  const auto match = tree_.find(pages);
  INFBENCH_CHECK(match.pages == pages.size());
  std::int64_t count = 0;
  // A pinned node's ancestors are pinned too, so the count ends at the first pinned one.
  for (Node node = match.node; node != kRoot && tree_.payload(node).pins == 0; node = tree_.parent(node)) {
    count += static_cast<std::int64_t>(node == match.node ? match.in_node : tree_.run(node).size());
  }
  return count;
}

PrefixCache::Prefix PrefixCache::use(std::span<const PageHash> pages) {
  const auto match = tree_.find(pages);
  Node node = match.node;
  if (node != kRoot && match.in_node < tree_.run(node).size()) node = split(node, match.in_node);
  touch_path(node);
  return {.node = node, .pages = static_cast<std::int64_t>(match.pages)};
}

PrefixCache::Inserted PrefixCache::insert(std::span<const PageHash> pages) {
  const Prefix kept = use(pages);
  const auto rest = pages.subspan(static_cast<std::size_t>(kept.pages));
  if (rest.empty()) return {.node = kept.node, .already = kept.pages};
  const Node leaf = tree_.append(kept.node, rest);
  const auto added = static_cast<std::int64_t>(rest.size());
  pages_ += added;
  evictable_ += added;
  link_newest(leaf);
  touch_path(kept.node);
  return {.node = leaf, .already = kept.pages};
}

void PrefixCache::pin(Node node) {
  for (; node != kRoot; node = tree_.parent(node)) {
    if (tree_.payload(node).pins++ == 0) {
      unlink(node);
      evictable_ -= static_cast<std::int64_t>(tree_.run(node).size());
    }
  }
}

void PrefixCache::unpin(Node node) {
  for (; node != kRoot; node = tree_.parent(node)) {
    State& state = tree_.payload(node);
    INFBENCH_CHECK(state.pins > 0);
    if (--state.pins == 0) {
      link_newest(node);
      evictable_ += static_cast<std::int64_t>(tree_.run(node).size());
    }
  }
}

std::int64_t PrefixCache::evict(std::int64_t pages, const Removed& removed) {
  std::int64_t gone = 0;
  while (gone < pages && oldest_ != kRoot) {
    if (removed) removed(tree_.run(oldest_));
    gone += remove(oldest_);
  }
  return gone;
}

std::int64_t PrefixCache::forget(std::span<const PageHash> run) {
  const Node first = run.empty() ? kRoot : tree_.starting_with(run.front());
  if (first == kRoot) return 0;
  Node node = first;
  for (;;) {  // down to the deepest node that `run` reaches
    run = run.subspan(std::min(tree_.run(node).size(), run.size()));
    const Node below = run.empty() ? kRoot : tree_.starting_with(run.front());
    if (below == kRoot) break;
    node = below;
  }
  std::int64_t gone = 0;
  for (bool more = true; more && tree_.is_leaf(node) && tree_.payload(node).pins == 0;) {
    const Node parent = tree_.parent(node);
    more = node != first;
    gone += remove(node);
    node = parent;
  }
  return gone;
}

std::int64_t PrefixCache::remove(Node leaf) {
  const auto count = static_cast<std::int64_t>(tree_.run(leaf).size());
  pages_ -= count;
  evictable_ -= count;
  unlink(leaf);
  tree_.remove(leaf);
  return count;
}

PrefixCache::Node PrefixCache::split(Node node, std::size_t keep) {
  const Node upper = tree_.split(node, keep);
  // The copied payload says how often the lower part is pinned, which holds for the upper part too; its place in the order of
  // use is its own.
  State& state = tree_.payload(upper);
  state.older = kRoot;
  state.newer = kRoot;
  if (state.pins == 0) link_newest(upper);
  return upper;
}

void PrefixCache::touch_path(Node node) {
  for (; node != kRoot; node = tree_.parent(node)) {
    if (tree_.payload(node).pins > 0) continue;
    unlink(node);
    link_newest(node);
  }
}

void PrefixCache::link_newest(Node node) {
  State& state = tree_.payload(node);
  state.older = newest_;
  state.newer = kRoot;
  if (newest_ != kRoot) tree_.payload(newest_).newer = node;
  newest_ = node;
  if (oldest_ == kRoot) oldest_ = node;
}

void PrefixCache::unlink(Node node) {
  State& state = tree_.payload(node);
  if (state.older != kRoot) tree_.payload(state.older).newer = state.newer;
  if (state.newer != kRoot) tree_.payload(state.newer).older = state.older;
  if (oldest_ == node) oldest_ = state.newer;
  if (newest_ == node) newest_ = state.older;
  state.older = kRoot;
  state.newer = kRoot;
}

}  // namespace infbench
