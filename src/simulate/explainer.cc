#include "simulate/explainer.h"

#include <algorithm>

#include "base/random.h"
#include "trace/pages.h"

namespace infbench::simulate {

using measure::Part;

// ---- SeenPages

std::size_t SeenPages::place_of(std::uint64_t value) const {
  std::size_t place = mix64(value) & (slots_.size() - 1);
  while (slots_[place] != 0 && slots_[place] != value) place = (place + 1) & (slots_.size() - 1);
  return place;
}

bool SeenPages::contains(PageHash page) const {
  return !slots_.empty() && slots_[place_of(std::max<std::uint64_t>(page.value, 1))] != 0;
}

void SeenPages::insert(PageHash page) {
  if (2 * used_ >= slots_.size()) grow();
  const std::uint64_t value = std::max<std::uint64_t>(page.value, 1);
  std::uint64_t& slot = slots_[place_of(value)];
  used_ += slot == 0 ? 1U : 0U;
  slot = value;
}

void SeenPages::grow() {
  std::vector<std::uint64_t> old(std::max<std::size_t>(1024, 2 * slots_.size()));
  old.swap(slots_);
  for (const std::uint64_t value : old) {
    if (value != 0) slots_[place_of(value)] = value;
  }
}

// ---- Explainer

Explainer::Explainer(const trace::Trace& trace, const Cluster& cluster)
    : trace_(trace),
      cluster_(cluster),
      states_(trace.size()),
      explanations_(trace.size()),
      prompt_time_(cluster.workers.size()),
      seen_(cluster.workers.size()) {}

measure::TimeParts& Explainer::parts_of(RequestId id) {
  measure::Explanation& explanation = explanations_[id.value];
  return states_[id.value].decoding ? explanation.after : explanation.to_first_token;
}

void Explainer::dispatched(RequestId id, Time due, WorkerId prompt_worker, Time now) {
  states_[id.value] = {.booked = now, .prompts_at_mark = {}, .worker = prompt_worker};
  parts_of(id)[Part::router_wait] += now - due;
}

// The stretch since the last moment: what it was spent on, the phase says.
void Explainer::book_gap(RequestId id, State& state, Time until, Duration worker_prompts) {
  const Duration gap = until - state.booked;
  measure::TimeParts& parts = parts_of(id);
  switch (state.phase) {
    case Phase::queue: parts[Part::queue] += gap; break;
    case Phase::transfer: parts[Part::kv_transfer] += gap; break;
    case Phase::joining: parts[Part::decode_batch] += gap; break;
    case Phase::prompt:
    case Phase::decode: {
      const Duration prompts = std::min(gap, worker_prompts - state.prompts_at_mark);
      parts[Part::others_prefill] += prompts;
      parts[Part::decode_batch] += gap - prompts;
      break;
    }
  }
  state.booked = until;
  state.prompts_at_mark = worker_prompts;
}

void Explainer::step(WorkerId worker, const engine::PromptStep& step) {
  Duration& prompt_time = prompt_time_[worker.value];
  const Duration before = prompt_time;
  prompt_time += step.end - step.start - step.without_prompts;
  for (const engine::PromptPart& part : step.parts) {
    State& state = states_[part.request.value];
    if (state.phase == Phase::queue) count_evicted(part.request, state, part.before);
    book_gap(part.request, state, step.start, before);
    book_step(part.request, state, part, step);
    state.phase = Phase::prompt;
    state.prompts_at_mark = prompt_time;
  }
}

// A step that computed a part of its prompt: what that part alone would have taken is its own, and of that what the worker once
// had is recomputation, by tokens. After the first token (its KV was given up) all of it is.
void Explainer::book_step(RequestId id, State& state, const engine::PromptPart& part, const engine::PromptStep& step) {
  const Duration whole = step.end - step.start;
  const Duration prompts = std::min(whole, step.without_decodes);
  cost::StepLoad alone;
  cost::StepTime::add_chunk(alone, part.before, part.fresh);
  const ClusterWorker& worker = cluster_.workers[state.worker.value];
  const Duration host = worker.config.gap + worker.config.gap_per_request;  // a step of its own would wait for it, too
  const Duration own = std::min(prompts, Duration{worker.step_time().of(alone) / cost::kTicksPerNs} + host);
  const Tokens again = state.decoding ? part.fresh : std::clamp<Tokens>(state.had - part.before, 0, part.fresh);
  // In two steps, so that no product overflows.
  const Duration recompute{own.ns / part.fresh * again + own.ns % part.fresh * again / part.fresh};
  measure::TimeParts& parts = parts_of(id);
  parts[Part::recompute] += recompute;
  parts[Part::own_prefill] += own - recompute;
  parts[Part::others_prefill] += prompts - own;
  parts[Part::decode_batch] += whole - prompts;
  state.booked = step.end;
  state.had = std::max(state.had, part.before + part.fresh);  // if it is preempted before its first token, this is lost
}

void Explainer::count_evicted(RequestId id, State& state, Tokens cached) {
  const trace::RequestIndex index{static_cast<std::uint32_t>(id.value)};
  trace::pages_of(trace_, index, page(), pages_);
  const auto sharable = std::min(static_cast<std::size_t>((trace_.request(index).input - 1) / page()), pages_.size());
  auto known = static_cast<std::size_t>(cached / page());
  while (known < sharable && seen_[state.worker.value].contains(pages_[known])) ++known;
  state.had = static_cast<Tokens>(known) * page();
  explanations_[id.value].evicted = std::max<Tokens>(0, state.had - cached);
}

void Explainer::remember_pages(RequestId id, bool with_answer) {
  const trace::RequestIndex index{static_cast<std::uint32_t>(id.value)};
  const trace::Request request = trace_.request(index);
  trace::pages_of(trace_, index, page(), pages_);
  // The last token's KV is never computed.
  const auto with_kv = static_cast<std::size_t>((request.input + (with_answer ? request.output - 1 : 0)) / page());
  SeenPages& seen = seen_[states_[id.value].worker.value];
  // From the end: where one page is known, so are all before it.
  for (std::size_t i = std::min(with_kv, pages_.size()); i > 0 && !seen.contains(pages_[i - 1]); --i)
    seen.insert(pages_[i - 1]);
}

void Explainer::prompt_computed(RequestId id, bool pair) {
  remember_pages(id, false);
  if (pair) states_[id.value].phase = Phase::transfer;
}

void Explainer::kv_there(RequestId id, WorkerId decode_worker, Time now) {
  State& state = states_[id.value];
  book_gap(id, state, now, {});
  state.phase = Phase::joining;
  state.worker = decode_worker;
}

void Explainer::first_token(RequestId id, Time now) {
  State& state = states_[id.value];
  book_gap(id, state, now, prompt_time_[state.worker.value]);
  state.phase = Phase::decode;
  state.decoding = true;
}

void Explainer::finished(RequestId id, Time now) {
  State& state = states_[id.value];
  book_gap(id, state, now, prompt_time_[state.worker.value]);
  if (cluster_.workers[state.worker.value].config.role == Role::aggregated) remember_pages(id, true);
}

}  // namespace infbench::simulate
