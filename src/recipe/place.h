// Place: where something stands in what the user wrote: in the recipe's file, or in one of the --set overrides.
// A value, usable from any thread.
#pragma once

#include <compare>

namespace infbench::recipe {

struct Place {
  int source = 0;  // 0: the file; n: the n-th --set
  int line = 0;    // from 1; 0: not known; of a --set its number
  int column = 0;  // from 1, in bytes

  friend constexpr auto operator<=>(const Place&, const Place&) = default;
};

}  // namespace infbench::recipe
