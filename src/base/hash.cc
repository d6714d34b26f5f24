#include "base/hash.h"

#include <array>

#include <xxhash.h>

namespace infbench {

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

PageHash chain(PageHash previous, std::uint64_t content) {
  const std::array<std::uint64_t, 2> both{previous.value, content};
  return {XXH3_64bits(both.data(), sizeof both)};
}

}  // namespace infbench
