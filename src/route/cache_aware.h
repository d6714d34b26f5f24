// cache_aware: the policy of this name in sglang-router 0.3.2, over pages in place of characters.
//
// 1. If loads (requests in flight) are further apart than both thresholds: the least loaded worker.
// 2. Else, if more than cache_threshold of the prompt is in the tree: the tenant that the deepest matching node answers with;
// if it
//    cannot be had, the first worker that can, and a tenant that is down leaves the tree.
// 3. Else the least loaded worker. Ties go to the first, so cold prompts at equal load all go to the same one: that is how it
// is there; with spread_cold they go to the one that was sent the fewest characters that are still in the tree. Whoever gets
// the prompt becomes a tenant of all of it. Belongs to one Router, one thread; one object per stage.
#pragma once

#include <vector>

#include "route/parameters.h"
#include "route/policy.h"
#include "route/tenant_tree.h"

namespace infbench::route {

class CacheAware final : public Policy {
 public:
  explicit CacheAware(const PolicyParameters& parameters) : parameters_(parameters) {}

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

  const TenantTree& tree() const { return tree_; }

 private:
  bool worth_following(const TenantTree::Match& match, const RequestView& request) const;
  const WorkerView& least_loaded(std::span<const WorkerView> workers) const;
  Pick with_match(WorkerId worker, Reason why, const TenantTree::Match& match, const RequestView& request) const;
  void evict_if_due(Time now);
  void remove_stale(const RequestView& request);
  void insert(const RequestView& request, WorkerId worker);

  PolicyParameters parameters_;
  TenantTree tree_;
  std::vector<bool> down_;  // by worker
  Time evicted_;            // the last multiple of the interval at which the tree was cut
};

}  // namespace infbench::route
