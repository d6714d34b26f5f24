// CacheGuess: what one worker has in its prefix cache, guessed from the prompts that were sent to it.
//
// A prompt stays until its room is needed: what is kept is cut to the worker's KV capacity, least recently used first. Prompts
// in flight are pinned (even those that still wait, which keeps followers together when workers are overloaded) and the tokens
// they may produce set aside, as the engine does.
//
// A worker that tells what it stores and removes (kv_* events), of a request whose pages these events name, is not guessed
// about: its hit is what it has told, and what is being computed there for others. Owned by one policy, one thread.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/prefix_cache.h"
#include "route/policy.h"

namespace infbench::route {

class CacheGuess {
 public:
  // About what the largest workers have room for: what is kept of one whose capacity is not known (a larger one should be given
  // --kv-tokens). Without a limit a gateway would remember every prompt that it has ever seen.
  static constexpr Tokens kCapacityUnknown = Tokens{1} << 24U;

  // 0: not known.
  void set_capacity(Tokens tokens) { capacity_ = tokens; }

  // Tokens of the prompt that are there. A prompt that is cached as a whole still computes its last page.
  Tokens cached(const RequestView& request) const;

  // The prompt is there, or will be by the time another needs it.
  struct Prompt {
    std::span<const PageHash> pages;
    Tokens kept = 0;  // that the worker sets aside for prompt and answer
    Tokens page_tokens = 0;
    bool told_pages = false;  // kv_* events name these pages
  };
  void hold(RequestId id, const Prompt& prompt);
  void let_go(RequestId id);                             // its prompt may be evicted; nothing if it is not held
  void take(const Event& event);                         // kv_*
  std::int64_t pages() const { return cache_.pages(); }  // kept
  void clear();  // the worker has lost everything, as far as is known here; its capacity stays, and what it has told

 private:
  // Pages whose names stand for all before them, too: what is in here of a prompt is a beginning of it.
  using Pages = std::unordered_map<std::uint64_t, int>;  // page: how often; never iterated
  struct Lease {
    PrefixCache::Node node = PrefixCache::kRoot;  // pinned
    std::int64_t answer_pages = 0;                // set aside beside the prompt's full pages
    std::vector<PageHash> told{};                 // the prompt's pages, if kv_* events name them
  };

  Tokens capacity_ = 0;
  PrefixCache cache_;
  std::int64_t answer_pages_ = 0;
  std::unordered_map<std::uint64_t, Lease> leases_;  // by request; never iterated
  bool tells_ = false;                               // kv_* events say all that it stores and removes
  Pages stored_;                                     // as told
  Pages coming_;                                     // of requests there
};

}  // namespace infbench::route
