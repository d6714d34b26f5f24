// Explainer: follows every request of a virtual run from moment to moment and books each nanosecond of its latency under one
// part (measure/explain.h). It only listens: what it is told changes nothing in the run.
//
// A request has a moment up to which its time is booked; each thing that happens to it books the stretch since. How much of a
// stretch of decoding went to prompts of others, two readings of the worker's sum of such time tell. One owner (the driver),
// one thread; trace and cluster outlive it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/sink.h"
#include "measure/explain.h"
#include "simulate/cluster.h"
#include "trace/trace.h"

namespace infbench::simulate {

// A set of page hashes, by open addressing: most runs see millions.
class SeenPages {
 public:
  bool contains(PageHash page) const;
  void insert(PageHash page);

 private:
  std::size_t place_of(std::uint64_t value) const;
  void grow();
  std::vector<std::uint64_t> slots_;  // 0: free
  std::size_t used_ = 0;
};

class Explainer {
 public:
  Explainer(const trace::Trace& trace, const Cluster& cluster);

  // `prompt_worker`: computes the prompt. From here on its queue.
  void dispatched(RequestId id, Time due, WorkerId prompt_worker, Time now);
  void step(WorkerId worker, const engine::PromptStep& step);
  // The prompt is computed; of a pair its KV is now under way.
  void prompt_computed(RequestId id, bool pair);
  void kv_there(RequestId id, WorkerId decode_worker, Time now);  // of a pair: all KV has arrived
  void first_token(RequestId id, Time now);                       // goes out to the client
  void finished(RequestId id, Time now);                          // the last token went out

  std::vector<measure::Explanation> take() { return std::move(explanations_); }

 private:
  enum class Phase : std::uint8_t { queue, prompt, transfer, joining, decode };
  struct State {
    Time booked;               // up to here all time is booked
    Duration prompts_at_mark;  // the worker's prompt time at `booked`
    WorkerId worker;
    Phase phase = Phase::queue;
    bool decoding = false;  // its first token is out
    Tokens had = 0;         // so far its prompt's KV was at this worker once, cached, evicted or computed
  };

  measure::TimeParts& parts_of(RequestId id);
  void book_gap(RequestId id, State& state, Time until, Duration worker_prompts);
  void book_step(RequestId id, State& state, const engine::PromptPart& part, const engine::PromptStep& step);
  void count_evicted(RequestId id, State& state, Tokens cached);
  void remember_pages(RequestId id, bool with_answer);
  Tokens page() const { return cluster_.workers.front().config.page; }

  const trace::Trace& trace_;
  const Cluster& cluster_;
  std::vector<State> states_;
  std::vector<measure::Explanation> explanations_;
  std::vector<Duration> prompt_time_;  // by worker: what prompts have cost its decodes so far
  std::vector<SeenPages> seen_;        // by worker: all pages that it ever had
  std::vector<PageHash> pages_;
};

}  // namespace infbench::simulate
