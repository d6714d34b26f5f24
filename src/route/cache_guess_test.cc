#include "route/cache_guess.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace infbench::route {
namespace {

// A day of prompts that have nothing in common.
TEST(CacheGuess, OfAWorkerOfUnknownCapacityItForgetsToo) {
  constexpr Tokens kPage = 65'536;
  constexpr std::int64_t kMost = CacheGuess::kCapacityUnknown / kPage;
  CacheGuess guess;
  std::vector<PageHash> pages(4);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    for (std::size_t p = 0; p < pages.size(); ++p) pages[p] = {mix64(i * 8 + p)};
    guess.hold({i}, {.pages = pages, .kept = 5 * kPage, .page_tokens = kPage});
    ASSERT_LE(guess.pages(), kMost) << i;
    guess.let_go({i});
  }
  const RequestView last{.pages = pages, .page_tokens = kPage, .input = 4 * kPage + 1};
  EXPECT_EQ(guess.cached(last), 4 * kPage) << "the latest is there";
}

}  // namespace
}  // namespace infbench::route
