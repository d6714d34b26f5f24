// KvJournal: what a worker's prefix cache stored and removed, in order, until its owner takes it. One owner, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/types.h"

namespace infbench::engine {

class KvJournal {
 public:
  struct Change {
    enum class What : std::uint8_t { stored, removed, cleared };
    What what = What::stored;
    PageHash parent;        // stored: the page before; 0: a prompt begins with these
    std::size_t begin = 0;  // in pages()
    std::size_t length = 0;
  };

  void stored(PageHash parent, std::span<const PageHash> pages) { add(Change::What::stored, parent, pages); }
  void removed(std::span<const PageHash> pages) { add(Change::What::removed, {}, pages); }
  void cleared() { add(Change::What::cleared, {}, {}); }

  std::span<const Change> changes() const { return changes_; }
  std::span<const PageHash> pages_of(const Change& change) const {
    return std::span(pages_).subspan(change.begin, change.length);
  }
  void clear() {
    changes_.clear();
    pages_.clear();
  }

 private:
  void add(Change::What what, PageHash parent, std::span<const PageHash> pages) {
    changes_.push_back({what, parent, pages_.size(), pages.size()});
    pages_.insert(pages_.end(), pages.begin(), pages.end());
  }

  std::vector<Change> changes_;
  std::vector<PageHash> pages_;
};

}  // namespace infbench::engine
