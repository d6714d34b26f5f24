#include "engine/worker.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::engine {

Worker::Worker(const WorkerConfig& config, const cost::StepTime& step_time)
    : config_(config),
      step_time_(&step_time),
      // sglang's decode workers keep no prefixes: each hand-over brings the whole prompt.
      kv_(config.kv_capacity / config.page, config.keep_prefixes && config.role != Role::decode) {
  INFBENCH_CHECK(config.page > 0 && config.chunk >= config.page && config.kv_capacity >= config.page);
  INFBENCH_CHECK(config.running_max > 0 && config.prompts_max > 0 && config.conservativeness >= 0);
  // vLLM refuses to start with room for more requests than tokens in a step.
  if (config.scheduler == Scheduler::vllm) config_.running_max = std::min(config.running_max, config.chunk);
  // sglang 0.5.6, environ.py: 0.7 at first, times 0.14 at least, in 600 steps.
  constexpr double kWhole = 1e9;
  share_.first = share_.base = static_cast<std::int64_t>(std::min(0.7 * config.conservativeness, 1.0) * kWhole);
  share_.least = share_.base * 14 / 100;
  share_.decay = (share_.base - share_.least) / 600;
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
  grow_running();
  if (config_.scheduler == Scheduler::vllm && config_.role != Role::decode) return start_vllm(now);
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
    if (too_long || most_pages(job) > kv_.capacity()) {
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

// Of prompt and answer; on a prefill worker of the prompt alone, the answer's KV never comes to be there.
std::int64_t Worker::most_pages(const Job& job) const {
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
    running_context_ -= job.input + generated_by_now(job);
    step_ = Step::none;  // the batch changes
  }
  std::erase_if(running_, gone);
  for (Slot slot = 0; slot < jobs_.size(); ++slot) {
    if (jobs_[slot].cancelled) release(slot);
  }
}

void Worker::reserve_for_decode(Time now, Sink& sink) {
  while (!queue_.empty() && static_cast<std::int64_t>(by_id_.size() - queue_.size() - fresh_.size()) < config_.running_max) {
    Job& job = jobs_[queue_.front()];
    const auto lease = kv_.open({}, most_pages(job));
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
    jobs_[slot].generated = 1;
    if (jobs_[slot].output == 1) {
      finish(slot, now, sink);
    } else {
      begin_running(slot);
    }
  }
  joining_.clear();
}

// The pages of what must be computed that may come from the cache: the last token must be computed to have something to sample
// from, and pages are shared whole.
std::span<const PageHash> Worker::sharable(const Job& job) const { return full_pages(job, to_compute(job) - 1); }

std::span<const PageHash> Worker::full_pages(const Job& job, Tokens tokens) const {
  return std::span(job.pages).first(std::min(static_cast<std::size_t>(tokens / config_.page), job.pages.size()));
}

void Worker::admit(Slot slot, const KvPool::Lease& lease) {
  Job& job = jobs_[slot];
  job.lease = lease;
  job.computed = lease.shared * config_.page;
  if (!job.admitted) job.cached = job.computed;
  job.admitted = true;
  job.phase = Phase::prefill;
}

}  // namespace infbench::engine
