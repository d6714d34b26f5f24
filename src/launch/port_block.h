// PortBlock: ports of this machine that belong to one run while the object lives, so that two runs at once never clash: a lock
// file per block (of all users' runs: each has a folder of its own and looks whether the ports are free besides).
//
// Owns the lock. One owner; usable from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace infbench::launch {

class PortBlock {
 public:
  // `count` consecutive ports that nobody listens on at `bind`. Error: the folder of locks is not ours, no block is free.
  static Result<PortBlock> take(int count, const std::string& bind);
  PortBlock(PortBlock&& other) noexcept;
  PortBlock& operator=(PortBlock&&) = delete;
  PortBlock(const PortBlock&) = delete;
  PortBlock& operator=(const PortBlock&) = delete;
  ~PortBlock();

  int base() const { return base_; }

 private:
  PortBlock(int base, int lock) : base_(base), lock_(lock) {}

  int base_ = 0;
  int lock_ = -1;
};

}  // namespace infbench::launch
