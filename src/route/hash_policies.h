// Policies that hash: a request goes to where its key or its prompt's beginning lies on a ring of workers. Each belongs to one
// Router, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "route/parameters.h"
#include "route/policy.h"

namespace infbench::route {

// Every worker in kPoints places of a ring of hashes: when one comes or goes, only keys of its own move.
class HashRing {
 public:
  static constexpr int kPoints = 160;

  void add(WorkerId worker);  // nothing if it is there
  // The candidate that comes first at or after this hash; `workers` has one that is on the ring.
  const WorkerView& at(std::uint64_t hash, std::span<const WorkerView> workers) const;

 private:
  struct Point {
    std::uint64_t hash = 0;
    WorkerId worker;
    friend auto operator<=>(const Point&, const Point&) = default;
  };
  std::vector<Point> points_;  // in order
};

// The hash of the prompt's first `tokens` tokens, in whole pages (the last one that begins within them is included); of a
// shorter prompt that of all its pages. None: it has no page.
std::optional<std::uint64_t> beginning_of(const RequestView& request, Tokens tokens);

// prefix_hash: where the hash of the prompt's first prefix_token_count tokens lies, unless that worker has more than
// load_factor times the requests that each would have with this one; then the one with the fewest. Prompts without a page: the
// same.
class PrefixHash final : public Policy {
 public:
  explicit PrefixHash(const PolicyParameters& parameters) : parameters_(parameters) {}

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  PolicyParameters parameters_;
  HashRing ring_;
};

// consistent_hash: where the request's routing key lies; without one where the hash of its first hash_token_count tokens does,
// and without a page anywhere.
class ConsistentHash final : public Policy {
 public:
  explicit ConsistentHash(const PolicyParameters& parameters) : parameters_(parameters) {}

  bool wants_pages() const override { return true; }
  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  PolicyParameters parameters_;
  HashRing ring_;
};

}  // namespace infbench::route
