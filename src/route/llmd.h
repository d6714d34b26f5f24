// llmd: llm-d's endpoint picker with its default scorers: a weighted sum of scores from 0 to 1, the highest wins, ties by lot.
//
//   queue:  (most waiting - waiting) / (most - least), 1 if all have the same
//   kv:     1 - share of the KV in use; 1 where the capacity is not known
//   prefix: matched / all blocks of the prompt's first prefix_tokens_max tokens, matched against the prompts that the worker
//   was
//           sent, least recently used forgotten beyond lru_tokens
//
// Blocks are pages here (llm-d's: 16 tokens). Belongs to one Router, one thread; one object per stage.
#pragma once

#include <vector>

#include "base/prefix_cache.h"
#include "route/parameters.h"
#include "route/policy.h"

namespace infbench::route {

class Llmd final : public Policy {
 public:
  explicit Llmd(const PolicyParameters& parameters) : parameters_(parameters) {}

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  std::span<const PageHash> scored_pages(const RequestView& request) const;
  double score(const RequestView& request, const WorkerView& view, int least_waiting, int most_waiting) const;

  PolicyParameters parameters_;
  std::vector<PrefixCache> sent_;  // by worker
};

}  // namespace infbench::route
