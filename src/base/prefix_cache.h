// PrefixCache: which pages of which prompts are kept, least recently used leaves first to go. Pages in use are pinned.
//
// The engine model keeps one per worker (the real cache); a routing policy may keep one per worker as its guess of it. It knows
// neither time nor capacity: its owner decides when to evict. Nodes are evicted whole, as sglang's radix cache does. One owner,
// one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/page_tree.h"
#include "base/types.h"

namespace infbench {

class PrefixCache {
 public:
  using Node = std::int32_t;
  static constexpr Node kRoot = 0;

  // A prefix of a prompt that is kept: `pages` pages, ending with `node`.
  struct Prefix {
    Node node = kRoot;
    std::int64_t pages = 0;
  };

  PrefixCache();

  // How many pages of the prompt's start are kept. Changes nothing.
  std::int64_t match(std::span<const PageHash> pages) const;

  // How many of these pages, which must be kept, are not pinned. Changes nothing.
  std::int64_t evictable_within(std::span<const PageHash> pages) const;

  // The same as match(), as a node that can be pinned; counts as a use of these pages.
  Prefix use(std::span<const PageHash> pages);

  // Keeps all of `pages` (a use of them); the node they end with, and how many of them were there before.
  struct Inserted {
    Node node = kRoot;
    std::int64_t already = 0;
  };
  Inserted insert(std::span<const PageHash> pages);

  // Pages from the root to `node` cannot be evicted until unpinned as often as pinned. The last unpin counts as a use.
  void pin(Node node);
  void unpin(Node node);

  // Evicts unpinned leaves, least recently used first, until at least `pages` pages are gone or nothing more can go; how many
  // went. `removed` is told the pages of each leaf, valid during the call; may be null.
  using Removed = std::function<void(std::span<const PageHash>)>;
  std::int64_t evict(std::int64_t pages, const Removed& removed);

  // Forgets `run`, the pages of a leaf that another cache evicted, as far as they begin with a node here and nothing pinned
  // follows them; how many pages went. For a cache that is a guess of the other.
  std::int64_t forget(std::span<const PageHash> run);

  std::int64_t pages() const { return pages_; }          // kept
  std::int64_t evictable() const { return evictable_; }  // of these, not pinned

 private:
  struct State {
    std::int32_t pins = 0;
    Node older = kRoot;  // neighbours in the order of use; kRoot: none. Only unpinned nodes stand in that order
    Node newer = kRoot;
  };

  std::int64_t remove(Node leaf);
  void link_newest(Node node);
  void unlink(Node node);
  void touch_path(Node node);
  Node split(Node node, std::size_t keep);

  PageTree<State> tree_;
  Node oldest_ = kRoot;
  Node newest_ = kRoot;
  std::int64_t pages_ = 0;
  std::int64_t evictable_ = 0;
};

}  // namespace infbench
