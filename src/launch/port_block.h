// PortBlock: ports of this machine that belong to one run while the object lives, so that two runs at once never clash: a lock
// file for each kSlot ports, in a folder of this user; other users' runs are seen by their ports being taken.
//
// Owns the lock. One owner; usable from any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace infbench::launch {

class PortBlock {
 public:
  static constexpr int kSlot = 50;  // ports that are taken together

  // `count` consecutive ports that nobody listens on at `bind`. Error: the folder of locks is not ours, no block is free.
  static Result<PortBlock> take(int count, const std::string& bind);
  PortBlock(PortBlock&& other) noexcept;
  PortBlock& operator=(PortBlock&&) noexcept;
  PortBlock(const PortBlock&) = delete;
  PortBlock& operator=(const PortBlock&) = delete;
  ~PortBlock();

  int base() const { return base_; }

 private:
  PortBlock(int base, std::vector<int> locks) : base_(base), locks_(std::move(locks)) {}

  int base_ = 0;
  std::vector<int> locks_;  // open files, one per slot
};

}  // namespace infbench::launch
