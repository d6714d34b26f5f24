#include "base/page_map.h"

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"

namespace infbench {
namespace {

// Beside a map of the standard library, with pages that crowd into few places of the table.
RC_GTEST_PROP(PageMapProperty, IsAMap, (std::uint64_t seed, bool crowded)) {
  Random random(seed);
  PageMap map;
  std::map<std::uint64_t, std::int32_t> expected;
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t value = crowded ? random.below(40) << 60U | random.below(3) : random.below(200);
    const PageHash page{value};
    if (random.below(3) == 0) {
      map.erase(page);
      expected.erase(value);
    } else {
      const auto number = static_cast<std::int32_t>(1 + random.below(1000));
      RC_ASSERT(map.set(page, number) == (expected.count(value) == 0));
      expected[value] = number;
    }
    RC_ASSERT(map.size() == expected.size());
    const std::uint64_t asked = crowded ? random.below(40) << 60U | random.below(3) : random.below(200);
    const auto found = expected.find(asked);
    RC_ASSERT(map.find(PageHash{asked}) == (found == expected.end() ? PageMap::kNone : found->second));
  }
  for (const auto& [value, number] : expected) RC_ASSERT(map.find(PageHash{value}) == number);
}

}  // namespace
}  // namespace infbench
