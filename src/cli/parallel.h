// parallel_for(): independent tasks on several cores. What they give goes into places of its own for each, so that the order in
// which they end never matters.
#pragma once

#include <cstddef>
#include <functional>

namespace infbench::cli {

// Calls task(0) to task(count - 1), begun in that order, on up to `threads` threads (0: one for each core), and returns when
// all have ended. With one thread (or one task) they run on the caller's. `ended`, if not empty, is told how many have ended,
// one call at a time.
void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& task,
                  const std::function<void(std::size_t)>& ended = {});

}  // namespace infbench::cli
