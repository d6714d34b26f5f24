// TenantTree: one tree of prompts for several tenants (workers): each node knows who was sent the prompt up to there. This is
// the tree of sglang-router 0.3.2 over pages in place of characters, with its rules for who inherits what:
//
// - A node's first tenant is the one that inserted it; lookups answer with it as long as it is a tenant of the node, then with
// any
//   other (here: the lowest id), which then stays the answer.
// - A split hands tenants, their times and the first tenant to the upper part.
// - A use is counted at the node where the inserted prompt ends, by a counter, not by time. A tenant new to an inner node
// starts at 0.
// - A tenant above its size loses its least recently used leaves (nodes below which it has none) until it fits.
//
// Sizes are in characters of text. One owner, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/page_tree.h"
#include "base/types.h"

namespace infbench::route {

class TenantTree {
 public:
  // Where a prompt leaves the tree.
  struct Match {
    std::size_t pages = 0;           // of the prompt that are in the tree, for whomever
    std::optional<WorkerId> tenant;  // whom the deepest node answers with; none: nothing matches
    PageTree<int>::Node node = 0;
  };

  Match match(std::span<const PageHash> pages) const;

  // How many of the matched pages this tenant was sent.
  std::size_t pages_of(WorkerId tenant, const Match& match) const;

  // Notes that `tenant` was sent this prompt. `page_chars`: characters of a page.
  void insert(std::span<const PageHash> pages, std::int64_t page_chars, WorkerId tenant);

  // Takes leaves from each tenant that has more than `most` characters.
  void evict(std::int64_t most);

  void remove(WorkerId tenant);

  std::int64_t chars(WorkerId tenant) const;
  std::size_t nodes() const { return tree_.size(); }

 private:
  struct Holder {
    WorkerId tenant;
    std::int32_t children = 0;  // nodes directly below that have this tenant too
    std::int64_t last_use = 0;
  };
  struct Payload {
    std::vector<Holder> holders;  // in order of tenant
    std::optional<WorkerId> first;
    std::int64_t page_chars = 0;
  };
  using Tree = PageTree<Payload>;
  using Node = Tree::Node;

  Holder* holder(Node node, WorkerId tenant);  // null: it is no tenant of this node
  Holder& known_holder(Node node, WorkerId tenant);
  const Holder* holder(Node node, WorkerId tenant) const;
  void add_path(Node node, WorkerId tenant);
  void remove_holder(Node node, WorkerId tenant);
  void split(Node node, std::size_t keep);
  std::int64_t chars_of(Node node) const;
  std::int64_t& size_of(WorkerId tenant);

  Tree tree_;
  std::vector<std::int64_t> sizes_;  // by tenant, characters
  std::int64_t uses_ = 0;
};

}  // namespace infbench::route
