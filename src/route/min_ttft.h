// min_ttft: the worker with the least estimated time to first token: the prompts queued there, then what is not cached of this
// one.
//
// Seconds come from the workers' StepTime (attention over the cached prefix included, in chunks); if any candidate has none,
// prompt tokens are compared instead. Ties go to the fewest running requests, then to the lowest id. What a worker has cached
// is guessed: a PrefixCache per worker is fed with the prompts sent to it and cut to its KV capacity, least recently used
// first; prompts in flight are pinned (even those that still wait, which keeps followers together when workers are overloaded)
// and the tokens they may produce set aside, as the engine does; kv_removed events correct it.
//
// A worker that tells what it stores and removes (kv_* events), of a request whose pages these events name, is not guessed
// about: its hit is what it has told, and what is being computed there for others.
//
// At Stage::decode there is no prompt to compute: the least estimated step time with this request added, which is the least KV
// to be read; in tokens where there are no coefficients. Belongs to one Router, one thread; one object per stage.
#pragma once

#include <unordered_map>
#include <vector>

#include "base/prefix_cache.h"
#include "route/parameters.h"
#include "route/policy.h"
#include "route/prefill_queue.h"

namespace infbench::route {

class MinTtft final : public Policy {
 public:
  explicit MinTtft(const PolicyParameters& parameters) : parameters_(parameters) {}

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  struct Lease {
    PrefixCache::Node node = PrefixCache::kRoot;  // pinned
    std::int64_t answer_pages = 0;                // set aside beside the prompt's full pages
    std::vector<PageHash> told{};                 // the prompt's pages, if kv_* events name them
  };
  // Pages whose names stand for all before them, too: what is in here of a prompt is a beginning of it.
  using Pages = std::unordered_map<std::uint64_t, int>;  // page: how often; never iterated
  struct Worker {
    Tokens kv_capacity = 0;
    const cost::StepTime* speed = nullptr;
    PrefixCache cache;
    bool tells = false;  // kv_* events say all that it stores and removes
    Pages stored;        // as told
    Pages coming;        // of requests there
    std::int64_t answer_pages = 0;
    std::unordered_map<std::uint64_t, Lease> leases;  // by request; never iterated
    PrefillQueue queue;
    std::uint64_t last = 0;  // the number of the last dispatch there
  };

  Pick pick_decode(const RequestView& request, std::span<const WorkerView> workers) const;
  Tokens cached(const Worker& worker, const RequestView& request) const;
  Duration seconds(const cost::StepTime& speed, Tokens cached, Tokens input) const;
  void come_up(Worker& worker, const WorkerSpec& spec) const;
  void dispatch(Worker& worker, const Event& event, Time now);
  static void told(Worker& worker, const Event& event);
  static void let_go(Worker& worker, RequestId id);

  PolicyParameters parameters_;
  std::vector<Worker> workers_;  // by id
  std::uint64_t dispatches_ = 0;
};

}  // namespace infbench::route
