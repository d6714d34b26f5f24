#include "cli/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace infbench::cli {

void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& task,
                  const std::function<void(std::size_t)>& ended) {
  std::atomic<std::size_t> next{0};
  std::mutex telling;
  std::size_t done = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      task(i);
      if (!ended) continue;
      const std::lock_guard lock(telling);
      ended(++done);
    }
  };
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t others = std::min<std::size_t>(threads, count) - std::min<std::size_t>(1, count);
  std::vector<std::jthread> pool;
  for (std::size_t i = 0; i < others; ++i) pool.emplace_back(work);
  work();
}

}  // namespace infbench::cli
