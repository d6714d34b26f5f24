// CacheGuess: what one worker has in its prefix cache, guessed from the prompts that were sent to it.
//
// A prompt stays until its room is needed: what is kept is cut to the worker's KV capacity, least recently used first. Prompts
// in flight are pinned (even those that still wait, which keeps followers together when workers are overloaded) and the tokens
// they may produce set aside, as the engine does; forget() takes what the engine says it evicted. Owned by one policy, one
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "base/prefix_cache.h"
#include "route/policy.h"

namespace infbench::route {

class CacheGuess {
 public:
  // 0: not known, nothing is ever evicted.
  void set_capacity(Tokens tokens) { capacity_ = tokens; }

  // Tokens of the prompt that are there. A prompt that is cached as a whole still computes its last page.
  Tokens cached(const RequestView& request) const;

  // The prompt is there, or will be by the time another needs it. `kept`: tokens that the worker sets aside for prompt and
  // answer.
  void hold(RequestId id, std::span<const PageHash> pages, Tokens kept, Tokens page_tokens);
  void let_go(RequestId id);  // its prompt may be evicted; nothing if it is not held
  void forget(std::span<const PageHash> pages) { cache_.forget(pages); }
  void clear();  // the worker has lost everything; its capacity stays

 private:
  struct Lease {
    PrefixCache::Node node = PrefixCache::kRoot;  // pinned
    std::int64_t answer_pages = 0;                // set aside beside the prompt's full pages
  };

  Tokens capacity_ = 0;
  PrefixCache cache_;
  std::int64_t answer_pages_ = 0;
  std::unordered_map<std::uint64_t, Lease> leases_;  // by request; never iterated
};

}  // namespace infbench::route
