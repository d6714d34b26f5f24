// PageMap: from a page to a small number, as a flat table (open addressing, linear probing): one allocation for all, no search
// through lists. Iteration is not offered, so that no order can reach output. One owner, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/types.h"

namespace infbench {

class PageMap {
 public:
  static constexpr std::int32_t kNone = 0;  // what find() gives for a page that is not there; cannot be stored

  std::int32_t find(PageHash page) const {
    if (slots_.empty()) return kNone;
    for (std::size_t at = home(page);; at = next(at)) {
      if (slots_[at].number == kNone || slots_[at].page == page) return slots_[at].number;
    }
  }

  // Adds the page, or gives it another number; true if it was not there.
  bool set(PageHash page, std::int32_t number) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    std::size_t at = home(page);
    while (slots_[at].number != kNone && slots_[at].page != page) at = next(at);
    const bool is_new = slots_[at].number == kNone;
    slots_[at] = {page, number};
    used_ += is_new ? 1U : 0U;
    return is_new;
  }

  void erase(PageHash page) {
    if (slots_.empty()) return;
    std::size_t hole = home(page);
    while (slots_[hole].number != kNone && slots_[hole].page != page) hole = next(hole);
    if (slots_[hole].number == kNone) return;
    --used_;
    // What stands behind the hole moves into it unless it would come to stand before its home.
    for (std::size_t at = next(hole); slots_[at].number != kNone; at = next(at)) {
      const std::size_t distance = (at - home(slots_[at].page)) & (slots_.size() - 1);
      if (distance < ((at - hole) & (slots_.size() - 1))) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole].number = kNone;
  }

  std::size_t size() const { return used_; }

 private:
  struct Slot {
    PageHash page;
    std::int32_t number = kNone;
  };

  // The upper bits of a product: pages of any origin spread, also such that differ in few bits.
  std::size_t home(PageHash page) const { return static_cast<std::size_t>((page.value * 0x9e3779b97f4a7c15ULL) >> shift_); }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    shift_ = 64;
    for (std::size_t n = slots_.size(); n > 1; n /= 2) --shift_;
    used_ = 0;
    for (const Slot& slot : old) {
      if (slot.number != kNone) set(slot.page, slot.number);
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
  unsigned shift_ = 64;
  std::size_t used_ = 0;
};

}  // namespace infbench
