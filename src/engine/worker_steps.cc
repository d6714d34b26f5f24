// The Worker's steps: how they begin, how long they take, what their end brings.
#include <algorithm>

#include "base/check.h"
#include "engine/worker.h"

namespace infbench::engine {

// A step of the prompts in batch_; with decodes each running request gets a token too.
void Worker::start_prompts(Time now, cost::StepLoad& load, bool with_decodes) {
  const auto duration = [this](const cost::StepLoad& of) {
    return Duration{step_time_->of(of) / cost::kTicksPerNs} + gap_before(of.chunks + of.decodes);
  };
  step_ = Step::prefill;
  under_way_ = true;
  with_decodes_ = with_decodes;
  without_prompts_ = Duration{};
  prefill_start_ = now;
  if (!with_decodes) {
    without_decodes_ = duration(load);
    prefill_end_ = now + without_decodes_;
    return;
  }
  without_decodes_ = duration(load);
  cost::StepLoad decodes;
  running_ids_.clear();
  for (const Slot slot : running_) {
    const Tokens context = jobs_[slot].input + generated_by_now(jobs_[slot]);
    cost::StepTime::add_decode(load, context);
    cost::StepTime::add_decode(decodes, context);
    running_ids_.push_back(jobs_[slot].id);
  }
  without_prompts_ = duration(decodes);
  prefill_end_ = now + duration(load);
}

void Worker::start_decode(Time now) {
  if (config_.scheduler == Scheduler::sglang && steps_with_room(1) < 1) retract();
  std::int64_t length = INT64_MAX;
  running_ids_.clear();
  for (const Slot slot : running_) {
    length = std::min(length, jobs_[slot].last_step - decoded_steps_);
    running_ids_.push_back(jobs_[slot].id);
  }
  length = steps_with_room(length);
  // What a sum of steps cannot hold (39 hours, cost/step_time.h) is taken in several runs. Fewer than these fit
  // where a step takes less than 34 s.
  constexpr std::int64_t kWorthAsking = 4096;
  if (length > kWorthAsking) {
    constexpr cost::Ticks kMost = INT64_MAX / 2;
    const auto fits = step_time_->decode_steps_within(static_cast<int>(running_.size()), running_context_, length, kMost);
    length = std::max<std::int64_t>(fits, 1);
  }
  INFBENCH_CHECK(length > 0);
  run_ = {.start = now, .context = running_context_, .done = 0, .length = length};
  step_ = Step::decode;
  under_way_ = true;
}

// Pages that these running requests lack to take so many more steps.
std::int64_t Worker::pages_for_next(std::span<const Slot> slots, std::int64_t steps) const {
  std::int64_t pages = 0;
  for (const Slot slot : slots) {
    const Job& job = jobs_[slot];
    pages += std::max<std::int64_t>(0, pages_for(kv_by_now(job) + steps) - job.lease.shared - job.lease.held);
  }
  return pages;
}

// The most of so many steps of all running requests for which there is KV.
std::int64_t Worker::steps_with_room(std::int64_t at_most) const {
  const std::int64_t room = kv_.room();
  if (config_.role == Role::decode) return at_most;  // set aside at once
  // A request lacks at most one page more than its steps fill.
  const auto count = static_cast<std::int64_t>(running_.size());
  if (at_most / config_.page + 1 <= room / count) return at_most;
  std::int64_t least = 0;
  while (least < at_most) {
    const std::int64_t middle = at_most - (at_most - least) / 2;
    if (pages_for_next(running_, middle) <= room) {
      least = middle;
    } else {
      at_most = middle - 1;
    }
  }
  return least;
}

// Takes the KV of the steps that were taken. It is taken late, but before anything looks at what is free: jumps and single
// steps take the same.
void Worker::grow_running() {
  if (grown_steps_ == decoded_steps_) return;
  grown_steps_ = decoded_steps_;
  if (config_.role != Role::decode) grow_running(0);
}

// The same, and that of the next `ahead` steps, for which there is room.
void Worker::grow_running(std::int64_t ahead) {
  for (const Slot slot : running_) {
    Job& job = jobs_[slot];
    const std::int64_t pages = job.lease.shared + job.lease.held;
    const Tokens tokens = kv_by_now(job) + ahead;
    if (tokens <= pages * config_.page) continue;
    const bool grown = kv_.grow(job.lease, pages_for(tokens) - pages);
    INFBENCH_CHECK(grown);
  }
}

// ---- Time

Time Worker::decode_end(std::int64_t steps) const {
  const cost::Ticks sum = step_time_->decode_sum(static_cast<int>(running_.size()), run_.context, steps);
  return run_.start + Duration{sum / cost::kTicksPerNs} + gap_before(static_cast<std::int64_t>(running_.size())) * steps;
}

// How many steps of the run have ended by then.
std::int64_t Worker::decode_steps_by(Time until) const {
  if (gap_before(1) == Duration{}) {
    // Step k has ended by `until` when its sum, rounded down to ns, is within it: sum < (elapsed + 1 ns).
    const std::int64_t elapsed = std::min((until - run_.start).ns, INT64_MAX / cost::kTicksPerNs - 1);
    return step_time_->decode_steps_within(static_cast<int>(running_.size()), run_.context, run_.length,
                                           (elapsed + 1) * cost::kTicksPerNs - 1);
  }
  std::int64_t least = run_.done;
  for (std::int64_t most = run_.length; least < most;) {
    const std::int64_t middle = most - (most - least) / 2;
    if (decode_end(middle) <= until) {
      least = middle;
    } else {
      most = middle - 1;
    }
  }
  return least;
}

std::optional<Time> Worker::next() const {
  if (!under_way_) return std::nullopt;
  return step_ == Step::prefill ? prefill_end_ : decode_end(run_.done + 1);
}

std::optional<Time> Worker::next_change() const {
  if (!under_way_ || step_ == Step::prefill || dirty_) return next();
  return decode_end(run_.length);
}

void Worker::advance(Time until, Sink& sink) {
  if (!under_way_) return;
  if (step_ == Step::prefill) {
    INFBENCH_CHECK(until <= prefill_end_);
    if (until == prefill_end_) end_prefill(sink);
    return;
  }
  const std::int64_t ended = decode_steps_by(until);
  if (ended > run_.done) take_decode_steps(ended - run_.done, sink);
  // A step that ends exactly now leaves the worker between two steps; otherwise the next one has begun already.
  if (step_ == Step::decode && run_.done > 0) under_way_ = decode_end(run_.done) < until;
}

void Worker::end_prefill(Sink& sink) {
  under_way_ = false;
  step_ = Step::none;
  dirty_ = true;
  tell_prompts(sink);
  if (with_decodes_) {
    decoded(1, prefill_end_, prefill_end_, sink);
    grow_running();
    end_answers(prefill_end_, sink);
  }
  for (const Chunk& chunk : batch_) end_chunk(chunk, sink);
  batch_.clear();
}

void Worker::tell_prompts(Sink& sink) {
  parts_.clear();
  for (const Chunk& chunk : batch_) {
    const Job& job = jobs_[chunk.slot];
    parts_.push_back({.request = job.id, .before = job.computed, .fresh = chunk.fresh});
  }
  sink.prompts_computed({.parts = parts_,
                         .start = prefill_start_,
                         .end = prefill_end_,
                         .without_prompts = without_prompts_,
                         .without_decodes = without_decodes_});
}

void Worker::end_chunk(const Chunk& chunk, Sink& sink) {
  Job& job = jobs_[chunk.slot];
  if (job.cancelled) return;
  const Tokens before = job.computed;
  job.computed += chunk.fresh;
  const bool complete = job.computed == to_compute(job);
  kv_.share(job.lease, full_pages(job, job.computed));
  if (config_.role == Role::prefill) {
    const Tokens from = before == job.cached ? 0 : before;
    sink.kv_ready(job.id, from, job.computed, complete, prefill_end_);
  }
  if (!complete) return;
  if (job.generated == 0) {
    sink.first_token(job.id, job.cached, prefill_end_);
  } else {  // it was retracted and goes on
    const RequestId ids[] = {job.id};
    sink.decoded({.requests = ids, .steps = 1, .first_end = prefill_end_, .last_end = prefill_end_});
  }
  ++job.generated;
  if (config_.role == Role::prefill) {
    job.phase = Phase::sending;
  } else if (job.output == job.generated) {
    finish(chunk.slot, prefill_end_, sink);
  } else {
    begin_running(chunk.slot);
  }
}

void Worker::begin_running(Slot slot) {
  Job& job = jobs_[slot];
  job.phase = Phase::running;
  job.last_step = decoded_steps_ + job.output - job.generated;
  running_.push_back(slot);
  running_context_ += job.input + job.generated;  // a step attends over the token that it was given too
  step_ = Step::none;
}

// To be computed again. Its KV is given back, what of it others may share stays. The caller takes it out of running_.
void Worker::cease_running(Slot slot) {
  Job& job = jobs_[slot];
  job.generated = generated_by_now(job);
  job.computed = 0;
  job.phase = Phase::queued;
  running_context_ -= job.input + job.generated;
  kv_.close(job.lease);
  step_ = Step::none;
}

void Worker::decoded(std::int64_t steps, Time first_end, Time last_end, Sink& sink) {
  decoded_steps_ += steps;
  running_context_ += steps * static_cast<std::int64_t>(running_.size());
  sink.decoded({.requests = running_ids_, .steps = steps, .first_end = first_end, .last_end = last_end});
}

void Worker::take_decode_steps(std::int64_t steps, Sink& sink) {
  const Time last_end = decode_end(run_.done + steps);
  const Time first_end = decode_end(run_.done + 1);
  run_.done += steps;
  decoded(steps, first_end, last_end, sink);
  if (run_.done < run_.length) return;
  grow_running();
  end_answers(last_end, sink);
  under_way_ = false;
  step_ = Step::none;
  dirty_ = true;
}

// Of the running requests those that have their last token.
void Worker::end_answers(Time at, Sink& sink) {
  std::size_t kept = 0;
  for (const Slot slot : running_) {
    const Job& job = jobs_[slot];
    if (job.last_step != decoded_steps_) {
      running_[kept++] = slot;
      continue;
    }
    running_context_ -= job.input + job.output;
    if (!job.cancelled) finish(slot, at, sink);
  }
  running_.resize(kept);
}

// ---- Ends

void Worker::finish(Slot slot, Time at, Sink& sink) {
  Job& job = jobs_[slot];
  // The answer's pages stay for a later turn; the last token's KV was never computed.
  kv_.share(job.lease, full_pages(job, job.input + job.output - 1));
  sink.finished(job.id, at);
  release(slot);
}

void Worker::release(Slot slot) {
  Job& job = jobs_[slot];
  kv_.close(job.lease);
  by_id_.erase(job.id.value);
  job = Job{.id = {}, .pages = std::move(job.pages), .lease = {}};  // the pages' memory is used again
  job.pages.clear();
  free_slots_.push_back(slot);
  full_ = false;
  if (by_id_.empty()) {  // idle: sglang forgets what it learned of answers
    share_.base = share_.first;
    share_.since = decoded_steps_;
  }
}

}  // namespace infbench::engine
