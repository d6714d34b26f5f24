#include "route/min_ttft.h"

#include <algorithm>
#include <climits>
#include <tuple>

#include "base/check.h"

namespace infbench::route {

std::variant<Pick, Hold> MinTtft::pick(const RequestView& request, std::span<const WorkerView> workers, Random&,
                                       Time now) const {
  if (request.stage == Stage::decode) return pick_decode(request, workers);
  const bool timed = std::all_of(workers.begin(), workers.end(), [](const WorkerView& view) { return view.speed != nullptr; });
  Pick best{.worker = {}, .cached = 0, .why = Reason::least_ttft};
  std::tuple least{INT64_MAX, INT_MAX, UINT64_MAX};
  for (const WorkerView& view : workers) {
    const Worker& worker = workers_[view.id.value];
    const Tokens hit = worker.cache.cached(request);
    std::int64_t cost = view.uncomputed + request.input - hit;
    Duration ttft;
    if (timed) {
      ttft = worker.queue.wait(now) + seconds(*view.speed, hit, request.input);
      cost = ttft.ns;
    }
    if (view.scale != 1.0) cost = static_cast<std::int64_t>(static_cast<double>(cost) * view.scale);
    const std::uint64_t last = parameters_.spread_cold ? worker.last : 0;
    if (const std::tuple mine{cost, view.running, last}; mine < least) {
      least = mine;
      best.worker = view.id;
      best.cached = hit;
      best.ttft = ttft;
    }
  }
  return best;
}

Pick MinTtft::pick_decode(const RequestView& request, std::span<const WorkerView> workers) const {
  const bool timed = std::all_of(workers.begin(), workers.end(), [](const WorkerView& view) { return view.speed != nullptr; });
  Pick best{.worker = {}, .cached = 0, .why = Reason::least_context};
  std::tuple least{INT64_MAX, INT_MAX};
  for (const WorkerView& view : workers) {
    const Tokens context = view.kv_used + request.input;
    const int requests = view.waiting + view.running + 1;
    const std::int64_t cost = timed ? view.speed->decode_sum(requests, context, 1) : context;
    if (const std::tuple mine{cost, requests}; mine < least) {
      least = mine;
      best.worker = view.id;
    }
  }
  return best;
}

void MinTtft::on(const Event& event, Time now) {
  if (event.stage == Stage::decode) return;
  if (event.worker.value >= workers_.size()) workers_.resize(event.worker.value + 1);
  Worker& worker = workers_[event.worker.value];
  switch (event.what) {
    case Event::What::dispatched: dispatch(worker, event, now); break;
    case Event::What::first_token:
      worker.queue.computed(event.request, event.at);
      if (event.stage == Stage::prefill) worker.cache.let_go(event.request);
      break;
    case Event::What::finished:
    case Event::What::failed:
      worker.queue.drop(event.request);
      worker.cache.let_go(event.request);
      break;
    case Event::What::kv_stored:
    case Event::What::kv_removed:
    case Event::What::kv_cleared:
    case Event::What::kv_lost: worker.cache.take(event); break;
    case Event::What::up:
      if (event.spec != nullptr) come_up(worker, *event.spec);
      break;
    case Event::What::down:  // it comes back with an empty cache
      worker.cache.clear();
      worker.queue = {};
      break;
  }
}

Duration MinTtft::seconds(const cost::StepTime& speed, Tokens cached, Tokens input) const {
  return {speed.prefill(cached, input, parameters_.chunk) / cost::kTicksPerNs};
}

void MinTtft::come_up(Worker& worker, const WorkerSpec& spec) const {
  worker.cache.set_capacity(spec.kv_capacity);
  worker.speed = spec.speed;
  if (spec.speed != nullptr) worker.queue.set_step(seconds(*spec.speed, 0, parameters_.chunk));
}

void MinTtft::dispatch(Worker& worker, const Event& event, Time now) {
  worker.last = ++dispatches_;
  INFBENCH_CHECK(event.asked != nullptr);
  const RequestView& request = *event.asked;
  const Duration own = worker.speed == nullptr ? Duration{} : seconds(*worker.speed, event.cached, request.input);
  worker.queue.push(event.request, own, now, request.streamed || event.stage == Stage::prefill);
  // A prefill worker is rid of the request before its answer begins.
  const Tokens kept = event.stage == Stage::prefill ? request.input : request.input + request.output_max;
  worker.cache.hold(event.request, {request.pages, kept, request.page_tokens, request.told_pages});
}

}  // namespace infbench::route
