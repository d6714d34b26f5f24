// Policies that look at loads or lengths and keep no prompts. Each belongs to one Router, one thread.
//
// A worker's load is the tokens that its KV holds or will hold: prompts, and answers so far.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "route/parameters.h"
#include "route/policy.h"

namespace infbench::route {

// power_of_two: of two workers drawn at random the one with fewer tokens; at a tie the one with fewer requests, then the one
// drawn first. With load_poll it knows their tokens from polls alone, as sglang-router does: prompts in flight as they were at
// the last multiple of load_poll, and requests not at all.
class PowerOfTwo final : public Policy {
 public:
  explicit PowerOfTwo(const PolicyParameters& parameters) : load_poll_(parameters.load_poll) {}

  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

 private:
  struct Worker {
    Tokens tokens = 0;  // prompts in flight
    Tokens polled = 0;
    std::unordered_map<std::uint64_t, Tokens> requests;  // never iterated
  };
  bool poll_is_due(Time now) const { return now.ns / load_poll_.ns > polled_; }
  Tokens polled(WorkerId id, Time now) const;

  Duration load_poll_;
  std::vector<Worker> workers_;  // by id
  std::int64_t polled_ = 0;      // how many polls there have been
};

// least_load: the least seconds until the worker's prompts are computed (drain_tokens_per_s), and what its KV in use is like in
// a queue with one server: kv_pressure_weight x k / (1 - k) at a share of k, at most 0.999. Ties go to the lowest id.
class LeastLoad final : public Policy {
 public:
  explicit LeastLoad(const PolicyParameters& parameters) : parameters_(parameters) {}

  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;

 private:
  PolicyParameters parameters_;
};

// manual: a routing key stays with its worker. A key keeps up to two workers, the second for when the first cannot be had; if
// neither can, or the key has not been used for max_idle, or a request has no key, a worker is chosen by the assignment mode:
// at random, the one with the fewest tokens, or the one with the fewest keys. Keys are kept as 64-bit hashes.
class Manual final : public Policy {
 public:
  explicit Manual(const PolicyParameters& parameters) : parameters_(parameters) {}

  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

  std::size_t keys() const { return keys_.size(); }

 private:
  struct Key {
    std::vector<WorkerId> workers;  // one or two
    Time used;
  };
  Pick assign(std::span<const WorkerView> workers, Random& random) const;
  const Key* find(std::string_view key, Time now) const;
  void forget_idle(Time now);
  void count(const Key& key, int by);

  PolicyParameters parameters_;
  std::unordered_map<std::uint64_t, Key> keys_;  // iterated only to forget
  std::vector<std::int64_t> groups_;             // keys by worker
  Time swept_;
};

// bucket: each worker takes the prompts of one range of lengths, shortest first in order of id; for prefill workers. Lengths
// are in characters. The ranges begin as equal parts of 4,096 characters; every bucket_adjust_interval they are set anew so
// that each would have got as many characters of the prompts since the last time, if that number has more than doubled or
// halved. If what was sent since then is further apart than both balance thresholds: the worker that was sent least.
class Bucket final : public Policy {
 public:
  explicit Bucket(const PolicyParameters& parameters) : parameters_(parameters) {}

  std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                Time now) const override;
  void on(const Event& event, Time now) override;

  const std::vector<std::int64_t>& edges() const { return edges_; }

 private:
  void set_up(WorkerId worker, bool up);
  void adjust_if_due(Time now);
  void adjust();
  std::int64_t sent(WorkerId worker) const { return worker.value < sent_.size() ? sent_[worker.value] : 0; }

  PolicyParameters parameters_;
  std::vector<WorkerId> up_;         // in order of id
  std::vector<std::int64_t> edges_;  // the first length that is beyond the range of the worker in this place; the last has none
  std::vector<std::int64_t> sent_;   // characters in this period, by worker
  std::vector<std::int64_t> lengths_;  // of the prompts in this period
  std::int64_t share_ = 0;             // characters for each worker when the edges were last set
  Time adjusted_;                      // the last multiple of the interval at which that was looked at
};

}  // namespace infbench::route
