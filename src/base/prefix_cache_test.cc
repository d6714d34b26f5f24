#include "base/prefix_cache.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/hash.h"
#include "base/random.h"

namespace infbench {
namespace {

using ::testing::ElementsAre;

// One page per letter: "abc" and "abd" share two pages.
std::vector<PageHash> pages_of(const std::string& prompt) {
  std::vector<PageHash> pages;
  PageHash previous;
  for (const char letter : prompt) pages.push_back(previous = chain(previous, static_cast<std::uint64_t>(letter)));
  return pages;
}

TEST(PrefixCache, FindsTheLongestKeptPrefix) {
  PrefixCache cache;
  cache.insert(pages_of("abcdef"));
  cache.insert(pages_of("abcxy"));
  EXPECT_EQ(cache.match(pages_of("abcdez")), 5);
  EXPECT_EQ(cache.match(pages_of("abcxyz")), 5);
  EXPECT_EQ(cache.match(pages_of("ab")), 2);
  EXPECT_EQ(cache.match(pages_of("bc")), 0);
  EXPECT_EQ(cache.match({}), 0);
  EXPECT_EQ(cache.pages(), 8);
}

TEST(PrefixCache, EvictsTheLeastRecentlyUsedLeafWhole) {
  PrefixCache cache;
  cache.insert(pages_of("abcd"));
  cache.insert(pages_of("abxy"));
  cache.insert(pages_of("pq"));
  cache.use(pages_of("abcd"));
  std::vector<std::size_t> sizes;
  EXPECT_EQ(cache.evict(1, [&](auto run) { sizes.push_back(run.size()); }), 2);  // "xy", the oldest leaf
  EXPECT_EQ(cache.match(pages_of("abxy")), 2);
  EXPECT_EQ(cache.evict(3, [&](auto run) { sizes.push_back(run.size()); }), 4);  // "pq", then "cd"
  EXPECT_EQ(cache.match(pages_of("abcd")), 2);
  EXPECT_THAT(sizes, ElementsAre(2, 2, 2));
}

TEST(PrefixCache, PinnedPagesStay) {
  PrefixCache cache;
  const auto kept = cache.insert(pages_of("abcd"));
  cache.pin(kept.node);
  cache.insert(pages_of("abef"));
  EXPECT_EQ(cache.evictable(), 2);
  EXPECT_EQ(cache.evict(100, nullptr), 2);
  EXPECT_EQ(cache.match(pages_of("abcd")), 4);
  cache.unpin(kept.node);
  EXPECT_EQ(cache.evict(100, nullptr), 4);
  EXPECT_EQ(cache.pages(), 0);
}

TEST(PrefixCache, ASplitBelowAPinKeepsThePin) {
  PrefixCache cache;
  const auto whole = cache.insert(pages_of("abcdef"));
  cache.pin(whole.node);
  const auto upper = cache.use(pages_of("abc"));  // splits the pinned run
  EXPECT_EQ(upper.pages, 3);
  EXPECT_EQ(cache.evict(100, nullptr), 0);
  cache.unpin(whole.node);
  EXPECT_EQ(cache.evict(100, nullptr), 6);
}

// Against the plainest model: the set of kept prefixes, pins as a list, ages by a counter of uses.
RC_GTEST_PROP(PrefixCache, AgreesWithAPlainModel, (std::uint64_t seed)) {
  Random random(seed);
  PrefixCache cache;
  std::set<std::string> model;
  std::vector<std::pair<PrefixCache::Node, std::string>> pins;
  for (int step = 0; step < 120; ++step) {
    std::string prompt;
    for (std::uint64_t i = random.below(7) + 1; i > 0; --i) prompt += static_cast<char>('a' + random.below(2));
    std::size_t expected = 0;
    while (expected < prompt.size() && model.count(prompt.substr(0, expected + 1)) > 0) ++expected;
    RC_ASSERT(cache.match(pages_of(prompt)) == static_cast<std::int64_t>(expected));
    switch (random.below(4)) {
      case 0:
      case 1: {
        const auto inserted = cache.insert(pages_of(prompt));
        RC_ASSERT(inserted.already == static_cast<std::int64_t>(expected));
        for (std::size_t n = 1; n <= prompt.size(); ++n) model.insert(prompt.substr(0, n));
        if (random.below(2) == 0) {
          cache.pin(inserted.node);
          pins.emplace_back(inserted.node, prompt);
        }
        break;
      }
      case 2:
        if (!pins.empty()) {
          const auto which = static_cast<std::ptrdiff_t>(random.below(pins.size()));
          cache.unpin(pins[static_cast<std::size_t>(which)].first);
          pins.erase(pins.begin() + which);
        }
        break;
      default: {
        std::map<PageHash, std::string> by_page;
        for (const std::string& kept : model) by_page[pages_of(kept).back()] = kept;
        cache.evict(static_cast<std::int64_t>(random.below(4)), [&](std::span<const PageHash> run) {
          for (const PageHash page : run) RC_ASSERT(model.erase(by_page.at(page)) == 1U);
        });
        // Nothing pinned went, and nothing kept lost what comes before it.
        for (const auto& [node, pinned] : pins)
          RC_ASSERT(cache.match(pages_of(pinned)) == static_cast<std::int64_t>(pinned.size()));
        for (const std::string& kept : model) RC_ASSERT(kept.size() == 1 || model.count(kept.substr(0, kept.size() - 1)) == 1U);
      }
    }
    RC_ASSERT(cache.pages() == static_cast<std::int64_t>(model.size()));
  }
  for (const auto& [node, pinned] : pins) cache.unpin(node);
  RC_ASSERT(cache.evictable() == cache.pages());
  cache.evict(1000, nullptr);
  RC_ASSERT(cache.pages() == 0);
}

}  // namespace
}  // namespace infbench
