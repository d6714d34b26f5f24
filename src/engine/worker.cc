#include "engine/worker.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::engine {

Worker::Worker(const WorkerConfig& config, const cost::StepTime& step_time)
    : config_(config),
      step_time_(&step_time),
      // sglang's decode workers keep no prefixes: each hand-over brings the whole prompt.
      kv_(config.kv_capacity / config.page, config.role != Role::decode) {
  INFBENCH_CHECK(config.page > 0 && config.chunk >= config.page && config.kv_capacity >= config.page);
}

Worker::Job* Worker::find(RequestId id) {
  const auto found = by_id_.find(id.value);
  return found == by_id_.end() ? nullptr : &jobs_[found->second];
}

// ---- Inputs: they only write down; settle() acts.

void Worker::submit(const EngineRequest& request, Time /*now*/) {
  INFBENCH_CHECK(request.input > 0 && request.output > 0);
  Slot slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<Slot>(jobs_.size());
    jobs_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  Job& job = jobs_[slot];
  job.id = request.id;
  job.phase = Phase::fresh;
  job.input = request.input;
  job.output = request.output;
  job.pages.assign(request.pages.begin(), request.pages.end());
  const bool is_new = by_id_.emplace(request.id.value, slot).second;
  INFBENCH_CHECK(is_new);
  fresh_.push_back(slot);
}

void Worker::room_ready(RequestId id, Time /*now*/) {
  Job* job = find(id);
  if (job == nullptr || job->cancelled) return;
  INFBENCH_CHECK(config_.role == Role::prefill && job->phase == Phase::bootstrap);
  job->phase = Phase::queued;
  queue_.push_back(by_id_.at(id.value));
  dirty_ = true;
}

void Worker::kv_arrived(RequestId id, Time /*now*/) {
  Job* job = find(id);
  if (job == nullptr || job->cancelled) return;
  INFBENCH_CHECK(config_.role == Role::decode && job->phase == Phase::receiving);
  job->phase = Phase::joining;
  joining_.push_back(by_id_.at(id.value));
  dirty_ = true;
}

void Worker::kv_sent(RequestId id, Time /*now*/) {
  Job* job = find(id);
  if (job == nullptr || job->cancelled) return;
  INFBENCH_CHECK(config_.role == Role::prefill && job->phase == Phase::sending);
  release(by_id_.at(id.value));
  dirty_ = true;
}

void Worker::cancel(RequestId id, Time /*now*/) {
  Job* job = find(id);
  if (job == nullptr) return;
  job->cancelled = true;
  any_cancelled_ = true;
  dirty_ = true;
}

// ---- Scheduling

int Worker::waiting() const { return static_cast<int>(fresh_.size() + queue_.size()); }

void Worker::settle(Time now, Sink& sink) {
  take_fresh(now, sink);
  if (under_way_) return;
  if (step_ == Step::decode && !dirty_) {
    under_way_ = true;  // the same batch goes on
    return;
  }
  dirty_ = false;
  drop_cancelled();
  if (config_.role == Role::decode) {
    join_arrived(now, sink);
    reserve_for_decode(now, sink);
  } else if (start_prefill(now)) {
    return;
  }
  if (step_ == Step::decode) {
    under_way_ = true;  // nothing changed the batch: the sum over its steps goes on
  } else if (!running_.empty()) {
    start_decode(now);
  }
}

void Worker::take_fresh(Time now, Sink& sink) {
  for (const Slot slot : fresh_) {
    Job& job = jobs_[slot];
    if (job.cancelled) {
      release(slot);
      continue;
    }
    const bool too_long = job.input + job.output > config_.context_length;
    if (too_long || kv_to_reserve(job) > kv_.capacity()) {
      sink.refused(job.id, too_long ? Refusal::above_context_length : Refusal::above_kv_capacity, now);
      release(slot);
      continue;
    }
    job.phase = config_.role == Role::prefill ? Phase::bootstrap : Phase::queued;
    if (job.phase == Phase::queued) queue_.push_back(slot);
    dirty_ = true;
  }
  fresh_.clear();
}

// Prompt and answer; on a prefill worker the prompt alone, the answer's KV never comes to be there.
std::int64_t Worker::kv_to_reserve(const Job& job) const {
  return pages_for(config_.role == Role::prefill ? job.input : job.input + job.output);
}

void Worker::drop_cancelled() {
  if (!any_cancelled_) return;
  any_cancelled_ = false;
  const auto gone = [this](Slot slot) { return jobs_[slot].cancelled; };
  std::erase_if(queue_, gone);
  std::erase_if(joining_, gone);
  if (chunked_ && gone(*chunked_)) chunked_.reset();
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (!gone(running_[i])) continue;
    const Job& job = jobs_[running_[i]];
    running_context_ -= job.input + job.output - (job.last_step - decoded_steps_);
    step_ = Step::none;  // the batch changes
  }
  std::erase_if(running_, gone);
  for (Slot slot = 0; slot < jobs_.size(); ++slot) {
    if (jobs_[slot].cancelled) release(slot);
  }
}

void Worker::reserve_for_decode(Time now, Sink& sink) {
  while (!queue_.empty()) {
    Job& job = jobs_[queue_.front()];
    const auto lease = kv_.open({}, kv_to_reserve(job));
    if (!lease) return;
    job.lease = *lease;
    job.phase = Phase::receiving;
    queue_.pop_front();
    sink.kv_reserved(job.id, now);
  }
}

void Worker::join_arrived(Time now, Sink& sink) {
  for (const Slot slot : joining_) {
    // The prefill side has sampled the first token; it goes out without a pass of its own.
    sink.first_token(jobs_[slot].id, 0, now);
    if (jobs_[slot].output == 1) {
      finish(slot, now, sink);
    } else {
      begin_running(slot);
    }
  }
  joining_.clear();
}

// Packs the next batch of prompts; false if there is nothing to compute or no room for it.
bool Worker::start_prefill(Time now) {
  if (!chunked_ && queue_.empty()) return false;
  batch_.clear();
  Tokens budget = config_.chunk;
  cost::StepLoad load;
  bool more = true;
  if (chunked_) {
    const Slot slot = *chunked_;
    chunked_.reset();
    more = add_to_batch(slot, budget, load);
  }
  while (more && !queue_.empty() && budget >= config_.page) {
    const Slot slot = queue_.front();
    Job& job = jobs_[slot];
    // At least the last token must be computed to have something to sample from, and pages are shared whole.
    const auto sharable = static_cast<std::size_t>((job.input - 1) / config_.page);
    const auto lease = kv_.open(std::span(job.pages).first(std::min(sharable, job.pages.size())), kv_to_reserve(job));
    if (!lease) break;
    queue_.pop_front();
    job.lease = *lease;
    job.cached = job.computed = lease->shared * config_.page;
    job.phase = Phase::prefill;
    more = add_to_batch(slot, budget, load);
  }
  if (batch_.empty()) return false;
  step_ = Step::prefill;
  under_way_ = true;
  prefill_start_ = now;
  prefill_end_ = now + Duration{step_time_->of(load) / cost::kTicksPerNs};
  return true;
}

// Adds all that is left of the prompt, or what the budget allows in whole pages; false when the prompt was cut and the batch is
// full.
bool Worker::add_to_batch(Slot slot, Tokens& budget, cost::StepLoad& load) {
  const Job& job = jobs_[slot];
  const Tokens left = job.input - job.computed;
  const bool whole = left <= budget;
  const Tokens fresh = whole ? left : budget / config_.page * config_.page;
  batch_.push_back({.slot = slot, .fresh = fresh});
  cost::StepTime::add_chunk(load, job.computed, fresh);
  if (!whole) {
    chunked_ = slot;
    return false;
  }
  budget -= std::min(budget, pages_for(left) * config_.page);  // sglang counts whole pages
  return true;
}

void Worker::start_decode(Time now) {
  std::int64_t length = INT64_MAX;
  running_ids_.clear();
  for (const Slot slot : running_) {
    length = std::min(length, jobs_[slot].last_step - decoded_steps_);
    running_ids_.push_back(jobs_[slot].id);
  }
  INFBENCH_CHECK(length > 0);
  run_ = {.start = now, .context = running_context_, .done = 0, .length = length};
  step_ = Step::decode;
  under_way_ = true;
}

// ---- Time

Time Worker::decode_end(std::int64_t steps) const {
  const cost::Ticks sum = step_time_->decode_sum(static_cast<int>(running_.size()), run_.context, steps);
  return run_.start + Duration{sum / cost::kTicksPerNs};
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
  // Step k has ended by `until` when its sum, rounded down to ns, is within it: sum < (elapsed + 1 ns).
  const std::int64_t elapsed = std::min((until - run_.start).ns, INT64_MAX / cost::kTicksPerNs - 1);
  const std::int64_t ended = step_time_->decode_steps_within(static_cast<int>(running_.size()), run_.context, run_.length,
                                                             (elapsed + 1) * cost::kTicksPerNs - 1);
  if (ended > run_.done) take_decode_steps(ended - run_.done, sink);
  // A step that ends exactly now leaves the worker between two steps; otherwise the next one has begun already.
  if (step_ == Step::decode && run_.done > 0) under_way_ = decode_end(run_.done) < until;
}

void Worker::end_prefill(Sink& sink) {
  under_way_ = false;
  step_ = Step::none;
  dirty_ = true;
  tell_prompts(sink);
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
                         .without_prompts = {},
                         .without_decodes = prefill_end_ - prefill_start_});
}

void Worker::end_chunk(const Chunk& chunk, Sink& sink) {
  Job& job = jobs_[chunk.slot];
  if (job.cancelled) return;
  const Tokens before = job.computed;
  job.computed += chunk.fresh;
  const bool complete = job.computed == job.input;
  const auto full_pages = std::min(static_cast<std::size_t>(job.computed / config_.page), job.pages.size());
  kv_.share(job.lease, std::span(job.pages).first(full_pages));
  if (config_.role == Role::prefill) {
    const Tokens from = before == job.cached ? 0 : before;
    sink.kv_ready(job.id, from, job.computed, complete, prefill_end_);
  }
  if (!complete) return;
  sink.first_token(job.id, job.cached, prefill_end_);
  if (config_.role == Role::prefill) {
    job.phase = Phase::sending;
  } else if (job.output == 1) {
    finish(chunk.slot, prefill_end_, sink);
  } else {
    begin_running(chunk.slot);
  }
}

void Worker::begin_running(Slot slot) {
  Job& job = jobs_[slot];
  job.phase = Phase::running;
  job.last_step = decoded_steps_ + job.output - 1;
  running_.push_back(slot);
  running_context_ += job.input + 1;  // a step attends over the token that it was given too
  step_ = Step::none;
}

void Worker::take_decode_steps(std::int64_t steps, Sink& sink) {
  const DecodeRun told{.requests = running_ids_,
                       .steps = steps,
                       .first_end = decode_end(run_.done + 1),
                       .last_end = decode_end(run_.done + steps)};
  run_.done += steps;
  decoded_steps_ += steps;
  running_context_ += steps * static_cast<std::int64_t>(running_.size());
  sink.decoded(told);
  if (run_.done < run_.length) return;
  std::size_t kept = 0;
  for (const Slot slot : running_) {
    const Job& job = jobs_[slot];
    if (job.last_step != decoded_steps_) {
      running_[kept++] = slot;
      continue;
    }
    running_context_ -= job.input + job.output;
    if (!job.cancelled) finish(slot, told.last_end, sink);
  }
  running_.resize(kept);
  under_way_ = false;
  step_ = Step::none;
  dirty_ = true;
}

// ---- Ends

void Worker::finish(Slot slot, Time at, Sink& sink) {
  Job& job = jobs_[slot];
  // The answer's pages stay for a later turn; the last token's KV was never computed.
  const Tokens with_kv = job.input + job.output - 1;
  const auto full_pages = std::min(static_cast<std::size_t>(with_kv / config_.page), job.pages.size());
  kv_.share(job.lease, std::span(job.pages).first(full_pages));
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
}

}  // namespace infbench::engine
