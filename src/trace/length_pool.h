// LengthPool: a fixed set of lengths, handed out one by one to whoever wants a length near some value. One owner, one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"

namespace infbench::trace {

class LengthPool {
 public:
  explicit LengthPool(std::vector<Tokens> sorted);

  // Takes out the left length that is nearest to `wanted`; there must be one left.
  Tokens take_nearest(Tokens wanted);

  // Those nobody took, ascending.
  std::vector<Tokens> rest() const;

 private:
  std::size_t left_from(std::size_t place, std::vector<std::size_t>& links);

  std::vector<Tokens> sorted_;
  std::vector<bool> taken_;
  // Path-compressed links to the next place not taken, downwards and upwards. Places count from 1; 0 and size + 1 stand for
  // none.
  std::vector<std::size_t> down_;
  std::vector<std::size_t> up_;
};

}  // namespace infbench::trace
