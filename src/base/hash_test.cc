#include "base/hash.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace infbench {
namespace {

// Computed by another program with its own binding of XXH3; those of the empty text are in xxhash's own sanity table.
TEST(Hash, BytesAreHashedWithXxh3) {
  struct Case {
    std::string bytes;
    std::uint64_t seed;
    std::uint64_t expected;
  };
  std::string long_text;
  for (int i = 0; i < 1024; ++i) long_text += static_cast<char>(i % 256);
  const std::vector<Case> table = {
      {"", 0, 0x2d06800538d394c2},    {"", 0x9e3779b185ebca8d, 0xa8a6b918b2f0364a}, {"abc", 0, 0x78af5f94892f3950},
      {"abc", 1, 0x6b4467b443c76228}, {long_text, 0, 0xa870f92984398d22},
  };
  for (const Case& c : table) EXPECT_EQ(hash_bytes(c.bytes, c.seed), c.expected) << c.bytes.substr(0, 3) << ", seed " << c.seed;
}

TEST(Hash, AChainIsTheHashOfThePreviousPageAndTheContent) {
  const std::vector<std::uint64_t> expected = {0x0cfbaea74a8cc0e5, 0xd6440487114a6cc7, 0xaea99c6d5baf25ab};
  PageHash page;
  for (std::uint64_t i = 0; i < expected.size(); ++i) {
    page = chain(page, i + 1);
    EXPECT_EQ(page.value, expected[i]) << "page " << i;
  }
}

TEST(Hash, APageIsNamedByItsContentAndByAllBeforeIt) {
  const PageHash root;
  EXPECT_NE(chain(root, 1), chain(root, 2));
  EXPECT_NE(chain(chain(root, 1), 2), chain(chain(root, 2), 1));
  EXPECT_NE(chain(chain(root, 1), 3), chain(chain(root, 2), 3));
  EXPECT_EQ(chain(chain(root, 1), 3), chain(chain(root, 1), 3));
}

}  // namespace
}  // namespace infbench
