// The Worker's scheduler after vLLM 0.13: schedule() of v1/core/sched/scheduler.py, first come first served.
//
// At most one prompt is cut at a time (chunked_), and of the requests that are admitted it is the last: those after it had no
// budget left.
#include <algorithm>

#include "base/check.h"
#include "engine/worker.h"

namespace infbench::engine {

void Worker::start_vllm(Time now) {
  batch_.clear();
  cost::StepLoad load;
  bool room = make_room();
  Tokens budget = config_.chunk - static_cast<Tokens>(running_.size());
  if (room && chunked_) room = go_on_with_prompt(budget, load);
  if (room) admit_within(budget, load);  // after a preemption nobody is admitted in the same step
  if (!batch_.empty()) {
    start_prompts(now, load, !running_.empty());
  } else if (step_ == Step::decode) {
    under_way_ = true;  // nothing changed the batch: the sum over its steps goes on
  } else if (!running_.empty()) {
    start_decode(now);
  }
  if (!room) dirty_ = true;
}

// Takes the KV of each running request's next token; false if some had to be preempted for it.
bool Worker::make_room() {
  bool all = true;
  for (std::size_t i = 0; i < running_.size();) {
    const std::int64_t pages = pages_for_next(std::span(running_).subspan(i, 1), 1);
    if (pages == 0 || kv_.grow(jobs_[running_[i]].lease, pages)) {
      ++i;
      continue;
    }
    preempt_last();
    all = false;
  }
  return all;
}

bool Worker::go_on_with_prompt(Tokens& budget, cost::StepLoad& load) {
  const Slot slot = *chunked_;
  Job& job = jobs_[slot];
  const Tokens fresh = std::min(to_compute(job) - job.computed, budget);
  if (fresh == 0) return true;
  const std::int64_t pages = pages_for(job.computed + fresh) - job.lease.shared - job.lease.held;
  if (pages > 0 && !kv_.grow(job.lease, pages)) {
    preempt_last();
    return false;
  }
  chunked_.reset();
  compute(slot, fresh, budget, load);
  return true;
}

void Worker::admit_within(Tokens& budget, cost::StepLoad& load) {
  while (budget > 0 && !chunked_ && !queue_.empty() &&
         static_cast<std::int64_t>(running_.size() + batch_.size()) < config_.running_max) {
    const Slot slot = queue_.front();
    const Job& job = jobs_[slot];
    const Tokens cached = kv_.match(sharable(job)) * config_.page;
    const Tokens fresh = std::min(to_compute(job) - cached, budget);
    const auto lease = kv_.open(sharable(job), pages_for(cached + fresh));
    if (!lease) return;
    queue_.pop_front();
    admit(slot, *lease);
    compute(slot, fresh, budget, load);
  }
}

void Worker::compute(Slot slot, Tokens fresh, Tokens& budget, cost::StepLoad& load) {
  Job& job = jobs_[slot];
  batch_.push_back({.slot = slot, .fresh = fresh});
  cost::StepTime::add_chunk(load, job.computed, fresh);
  budget -= fresh;
  // Blocks can be shared as soon as they are to be computed: the next one of this very step reads them.
  kv_.share(job.lease, full_pages(job, job.computed + fresh));
  if (job.computed + fresh < to_compute(job)) chunked_ = slot;
}

void Worker::preempt_last() {
  const Slot slot = chunked_ ? *chunked_ : running_.back();
  if (chunked_) {
    chunked_.reset();
    jobs_[slot].phase = Phase::queued;
    kv_.close(jobs_[slot].lease);
  } else {
    running_.pop_back();
    kv_.share(jobs_[slot].lease, full_pages(jobs_[slot], kv_by_now(jobs_[slot])));
    cease_running(slot);
  }
  queue_.push_front(slot);
}

}  // namespace infbench::engine
