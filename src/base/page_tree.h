// PageTree: prompts as a compressed tree of pages. A node holds a run of pages that are always used together; a prompt is a
// path.
//
// Because a PageHash names its page *and everything before it*, one table from the first page of a node to the node finds every
// child: no per-node maps. Nodes are named by small integers that stay valid while the node lives; split() keeps the id with
// the lower part, so that whoever holds a node still holds the same path. The owner of the tree calls it from one thread.
//
// `Payload` is what the owner keeps per node: default-constructible, copyable (split() copies it to the new upper part).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/page_map.h"
#include "base/types.h"

namespace infbench {

template <typename Payload>
class PageTree {
 public:
  using Node = std::int32_t;
  static constexpr Node kRoot = PageMap::kNone;  // holds no pages, is never removed

  // The deepest node whose first page matches, and how many pages of the prompt and of that node match.
  struct Match {
    Node node = kRoot;
    std::size_t pages = 0;    // of the prompt, from its start
    std::size_t in_node = 0;  // of the node's run; less than its length: the match ends inside it
  };

  PageTree() : nodes_(1) {}

  Match find(std::span<const PageHash> pages) const {
    Match match;
    while (match.pages < pages.size()) {
      const Node child = by_first_page_.find(pages[match.pages]);
      if (child == kRoot) break;
      const std::vector<PageHash>& run = nodes_[index(child)].run;
      const auto rest = pages.subspan(match.pages);
      // Chained hashes: if the page at i is equal, so are all before it. The common case is that the whole run matches.
      std::size_t equal = std::min(run.size(), rest.size());
      if (run[equal - 1] != rest[equal - 1]) {
        const auto end = run.begin() + static_cast<std::ptrdiff_t>(equal);
        equal = static_cast<std::size_t>(
            std::partition_point(run.begin(), end, [&](const PageHash& page) { return page == rest[index_of(run, page)]; }) -
            run.begin());
      }
      match = {.node = child, .pages = match.pages + equal, .in_node = equal};
      if (equal < run.size()) break;
    }
    return match;
  }

  // The node whose run begins with this page; kRoot: there is none.
  Node starting_with(PageHash page) const { return by_first_page_.find(page); }

  // Cuts the node's run after `keep` pages (0 < keep < length). The new upper node gets the first part and a copy of the
  // payload; `node` keeps the rest, its children and its id. Returns the upper node.
  Node split(Node node, std::size_t keep) {
    const Node upper = allocate();
    Entry& lower_entry = nodes_[index(node)];
    Entry& upper_entry = nodes_[index(upper)];
    INFBENCH_CHECK(keep > 0 && keep < lower_entry.run.size());
    const auto cut = lower_entry.run.begin() + static_cast<std::ptrdiff_t>(keep);
    upper_entry.run.assign(lower_entry.run.begin(), cut);
    lower_entry.run.erase(lower_entry.run.begin(), cut);
    upper_entry.parent = lower_entry.parent;
    upper_entry.children = 1;
    upper_entry.payload = lower_entry.payload;
    lower_entry.parent = upper;
    by_first_page_.set(upper_entry.run.front(), upper);
    by_first_page_.set(lower_entry.run.front(), node);
    return upper;
  }

  // A new leaf below `parent`. `run` is not empty, follows the parent's pages, and its first page is not in the tree.
  Node append(Node parent, std::span<const PageHash> run) {
    INFBENCH_CHECK(!run.empty());
    const Node node = allocate();
    Entry& entry = nodes_[index(node)];
    entry.run.assign(run.begin(), run.end());
    entry.parent = parent;
    ++nodes_[index(parent)].children;
    const bool is_new = by_first_page_.set(run.front(), node);
    INFBENCH_CHECK(is_new);
    return node;
  }

  // Takes a leaf out; its id may be used again later.
  void remove(Node node) {
    Entry& entry = nodes_[index(node)];
    INFBENCH_CHECK(node != kRoot && entry.children == 0);
    by_first_page_.erase(entry.run.front());
    --nodes_[index(entry.parent)].children;
    entry = Entry{};
    free_.push_back(node);
  }

  std::span<const PageHash> run(Node node) const { return nodes_[index(node)].run; }
  Node parent(Node node) const { return nodes_[index(node)].parent; }
  bool is_leaf(Node node) const { return nodes_[index(node)].children == 0; }
  Payload& payload(Node node) { return nodes_[index(node)].payload; }
  const Payload& payload(Node node) const { return nodes_[index(node)].payload; }
  Node limit() const {
    return static_cast<Node>(nodes_.size());
  }  // ids are below; a removed node has an empty run and a new Payload
  std::size_t size() const { return nodes_.size() - free_.size() - 1; }  // nodes, the root not counted

 private:
  struct Entry {
    std::vector<PageHash> run;
    Node parent = kRoot;
    std::int32_t children = 0;
    Payload payload{};
  };

  static std::size_t index(Node node) { return static_cast<std::size_t>(node); }
  static std::size_t index_of(const std::vector<PageHash>& run, const PageHash& page) {
    return static_cast<std::size_t>(&page - run.data());
  }

  Node allocate() {
    if (free_.empty()) {
      nodes_.emplace_back();
      return static_cast<Node>(nodes_.size() - 1);
    }
    const Node node = free_.back();
    free_.pop_back();
    return node;
  }

  std::vector<Entry> nodes_;
  std::vector<Node> free_;
  PageMap by_first_page_;  // kRoot, which begins with no page, is what it has for "not there"
};

}  // namespace infbench
