#include "trace/length_pool.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace infbench::trace {

LengthPool::LengthPool(std::vector<Tokens> sorted)
    : sorted_(std::move(sorted)), taken_(sorted_.size()), down_(sorted_.size() + 2), up_(sorted_.size() + 2) {
  std::iota(down_.begin(), down_.end(), std::size_t{0});
  std::iota(up_.begin(), up_.end(), std::size_t{0});
}

std::size_t LengthPool::left_from(std::size_t place, std::vector<std::size_t>& links) {
  while (links[place] != place) {
    links[place] = links[links[place]];
    place = links[place];
  }
  return place;
}

Tokens LengthPool::take_nearest(Tokens wanted) {
  const auto at_or_above = static_cast<std::size_t>(std::ranges::lower_bound(sorted_, wanted) - sorted_.begin()) + 1;
  const std::size_t above = left_from(at_or_above, up_);
  const std::size_t below = left_from(at_or_above - 1, down_);
  const std::size_t none_above = sorted_.size() + 1;
  INFBENCH_CHECK(below != 0 || above != none_above);
  const bool take_below = above == none_above || (below != 0 && wanted - sorted_[below - 1] < sorted_[above - 1] - wanted);
  const std::size_t place = take_below ? below : above;
  taken_[place - 1] = true;
  down_[place] = place - 1;
  up_[place] = place + 1;
  return sorted_[place - 1];
}

std::vector<Tokens> LengthPool::rest() const {
  std::vector<Tokens> rest;
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    if (!taken_[i]) rest.push_back(sorted_[i]);
  }
  return rest;
}

}  // namespace infbench::trace
