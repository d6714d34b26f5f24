// Chained hashes: the identity of a prompt's prefix, block by block and page by page, the same in every world.
//
// A block of a trace is named by its hash id; a PageHash names one page and everything before it. Pure functions over xxhash
// (XXH3), usable from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace infbench {

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = 0);

// The page that follows `previous` and holds `content`.
PageHash chain(PageHash previous, std::uint64_t content);

}  // namespace infbench
