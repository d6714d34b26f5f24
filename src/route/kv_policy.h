// kv: the cost of Dynamo's KV router, in blocks (pages) of the engine.
//
//   cost = prefill_load_scale x max(0, (active prefill tokens + prompt) / block - credit x blocks that the worker has)
//          + blocks of all its requests with this one, equal ones counted once + active_request_weight x its requests
//
// The least cost wins, ties go to the lowest id; with a temperature a worker is drawn by softmax over -cost / ((most - least) x
// temperature). At Stage::decode only what follows the first line counts. What a worker has is known from
// its KV events. Where a router here gets none, they are taken to say what a prompt's first token proves (its pages are there)
// and what a cache of the worker's capacity must have evicted since (CacheGuess). Without use_kv_events it is the
// prompts that were sent there in the last approximate_ttl, whatever became of them; they are forgotten at the first Event
// after that.
//
// A request waits in the router (Hold) while every worker has more than queue_threshold x chunk tokens of prompts to compute.
// Belongs to one Router, one thread; one object per stage.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "base/prefix_cache.h"
#include "route/cache_guess.h"
#include "route/parameters.h"
#include "route/policy.h"

namespace infbench::route {

class KvCost final : public Policy {
 public:
  explicit KvCost(const PolicyParameters& parameters) : parameters_(parameters) {}

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  struct Request {
    PrefixCache::Node active = PrefixCache::kRoot;
    std::vector<PageHash> pages;  // until its first token
    Tokens kept = 0;
    bool told_pages = false;
    bool has_tail = false;  // a page that is not full
  };
  struct Recent {
    Time until;
    PrefixCache::Node node = PrefixCache::kRoot;
  };
  struct Worker {
    CacheGuess told;     // use_kv_events
    PrefixCache recent;  // else
    std::deque<Recent> expiring;
    PrefixCache active;  // pages of its requests and nothing else
    std::int64_t tails = 0;
    Tokens page_tokens = 0;
    std::unordered_map<std::uint64_t, Request> requests;  // never iterated
  };
  struct Cost {
    double blocks = 0;
    Tokens cached = 0;
  };

  Cost cost_of(const RequestView& request, const WorkerView& view, Tokens least_prefill) const;
  std::size_t draw(std::span<const WorkerView> workers, const RequestView& request, Tokens least_prefill, Random& random) const;
  std::int64_t rank_of(const RequestView& request, std::span<const WorkerView> workers) const;
  Tokens cached(const Worker& worker, const RequestView& request) const;
  void dispatch(Worker& worker, const Event& event, Time now);
  void computed(Worker& worker, const Event& event);
  void end(Worker& worker, RequestId id);
  void forget_old(Worker& worker, Time now) const;

  PolicyParameters parameters_;
  std::vector<Worker> workers_;  // by id
};

}  // namespace infbench::route
