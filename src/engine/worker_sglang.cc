// The Worker's scheduler after sglang 0.5.6: PrefillAdder and get_new_batch_prefill of schedule_policy.py and scheduler.py,
// retract_decode of schedule_batch.py.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "engine/worker.h"

namespace infbench::engine {
namespace {

constexpr Tokens kMostFuture = 4096;             // CLIP_MAX_NEW_TOKENS: no admission looks further ahead
constexpr std::size_t kMostToOrder = 128;        // a longer queue stays in order of arrival under longest_prefix
constexpr std::int64_t kStepsAfterRetract = 20;  // retract_decode_steps
constexpr std::int64_t kWhole = 1'000'000'000;

Tokens future_of(Tokens answer_left) { return std::min(answer_left, kMostFuture); }

}  // namespace

// Packs the next batch of prompts; false if there is nothing to compute or no room for it.
bool Worker::start_prefill(Time now) {
  if (!chunked_ && (full_ || queue_.empty())) return false;
  batch_.clear();
  // Decodes join only if each of them has KV for its next token.
  const bool mixes = config_.mixed_chunks && !running_.empty() && pages_for_next(running_, 1) <= kv_.room();
  const Tokens decodes = mixes ? static_cast<Tokens>(running_.size()) : 0;
  Budget budget{.chunk = config_.chunk - decodes, .prompts = config_.prompts_max - decodes, .future = 0};
  if (budget.chunk < config_.page) return false;
  if (mixes) grow_running(1);  // before the prompts can take it
  cost::StepLoad load;
  bool more = true;
  if (chunked_) {
    const Slot slot = *chunked_;
    chunked_.reset();
    more = add_to_batch(slot, budget, load);
  }
  if (more && !full_ && !queue_.empty()) admit_prompts(budget, load);
  if (batch_.empty()) return false;
  start_prompts(now, load, mixes);
  return true;
}

void Worker::order_queue() {
  const auto sort_by = [this](auto value) {
    std::stable_sort(queue_.begin(), queue_.end(), [&](Slot a, Slot b) { return value(jobs_[a]) > value(jobs_[b]); });
  };
  if (config_.order == QueueOrder::longest_answer) sort_by([](const Job& job) { return job.output; });
  if (config_.order == QueueOrder::longest_prefix && queue_.size() <= kMostToOrder) {
    for (const Slot slot : queue_) jobs_[slot].computed = kv_.match(sharable(jobs_[slot]));  // not in use while it waits
    sort_by([](const Job& job) { return job.computed; });
  }
}

void Worker::admit_prompts(Budget& budget, cost::StepLoad& load) {
  if (config_.order != QueueOrder::arrival) order_queue();
  if (config_.role != Role::prefill) budget.future += future_of_running();
  for (bool more = true; more && !queue_.empty() && budget.chunk >= config_.page && budget.prompts > 0;) {
    const Slot slot = queue_.front();
    const Job& job = jobs_[slot];
    if (static_cast<std::int64_t>(running_.size() + batch_.size()) >= config_.running_max) {
      full_ = true;
      return;
    }
    const std::int64_t pages = pages_for(to_compute(job));
    // A prompt that alone has as many tokens as the limit leaves waits for a batch that begins with it, even if it would be
    // cut.
    if (!batch_.empty() && pages * config_.page >= budget.prompts &&
        (pages - kv_.match(sharable(job))) * config_.page >= budget.prompts)
      return;
    std::int64_t headroom = pages_for(budget.future);
    if (config_.role != Role::prefill) {
      headroom += pages_for(to_compute(job) + future_of(job.output - job.generated)) - pages;
    }
    const auto lease = kv_.open(sharable(job), pages, headroom);
    if (!lease) {
      full_ = true;
      return;
    }
    queue_.pop_front();
    admit(slot, *lease);
    more = add_to_batch(slot, budget, load);
  }
}

// Adds all that is left of the prompt, or what the budget allows in whole pages; false when the prompt was cut and the batch is
// full.
bool Worker::add_to_batch(Slot slot, Budget& budget, cost::StepLoad& load) {
  const Job& job = jobs_[slot];
  const Tokens left = to_compute(job) - job.computed;
  const bool whole = left <= budget.chunk;
  const Tokens fresh = whole ? left : budget.chunk / config_.page * config_.page;
  batch_.push_back({.slot = slot, .fresh = fresh});
  cost::StepTime::add_chunk(load, job.computed, fresh);
  if (!whole) {
    chunked_ = slot;
    return false;
  }
  const Tokens in_pages = pages_for(left) * config_.page;  // sglang counts whole pages
  budget.chunk -= std::min(budget.chunk, in_pages);
  budget.prompts -= in_pages;
  budget.future += future_of(job.output - job.generated);
  return true;
}

std::int64_t Worker::answer_share() const {
  return std::max(share_.least, share_.base - (decoded_steps_ - share_.since) * share_.decay);
}

Tokens Worker::future_of_running() const {
  Tokens tokens = 0;
  for (const Slot slot : running_) tokens += future_of(jobs_[slot].last_step - decoded_steps_);
  return tokens * answer_share() / kWhole;
}

// Until the others have KV for their next tokens; one stays in any case, and it fits.
void Worker::retract() {
  std::vector<Slot> stay = running_;
  std::stable_sort(stay.begin(), stay.end(), [this](Slot a, Slot b) {
    const Tokens done_a = generated_by_now(jobs_[a]);
    const Tokens done_b = generated_by_now(jobs_[b]);
    return done_a != done_b ? done_a > done_b : jobs_[a].input < jobs_[b].input;
  });
  while (stay.size() > 1 && pages_for_next(stay, 1) > kv_.room()) {
    cease_running(stay.back());
    queue_.push_back(stay.back());
    stay.pop_back();
  }
  std::erase_if(running_, [this](Slot slot) { return jobs_[slot].phase != Phase::running; });
  std::int64_t done = 0;
  std::int64_t asked = 1;
  for (const Slot slot : running_) {
    done += generated_by_now(jobs_[slot]) + kStepsAfterRetract;
    asked += jobs_[slot].output;
  }
  share_.base = std::min(kWhole, done * kWhole / asked);
  share_.since = decoded_steps_;
  full_ = false;
  dirty_ = true;  // the next scheduling may admit again
}

}  // namespace infbench::engine
