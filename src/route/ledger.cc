#include "route/ledger.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::route {

void Ledger::on(const Event& event, Time now) {
  if (event.what == Event::What::up && event.spec != nullptr) {
    if (event.worker.value >= workers_.size()) workers_.resize(event.worker.value + 1);
    workers_[event.worker.value].spec = *event.spec;
    workers_[event.worker.value].known = true;
  }
  INFBENCH_CHECK(knows(event.worker));
  Worker& worker = workers_[event.worker.value];
  count_steps(worker, now);
  switch (event.what) {
    case Event::What::dispatched: dispatch(worker, event); return;
    case Event::What::first_token: first_token(worker, event, now); break;
    case Event::What::finished:
    case Event::What::failed: {
      const std::size_t place = worker.requests.find(event.request);
      if (place != InFlightList::kNone) remove(worker, place);
      break;
    }
    case Event::What::up: worker.up = true; break;
    case Event::What::down: worker.up = false; return;
    case Event::What::kv_stored:
    case Event::What::kv_removed:
    case Event::What::kv_cleared:
    case Event::What::kv_lost: return;
  }
  estimate_step(worker);
}

void Ledger::dispatch(Worker& worker, const Event& event) {
  INFBENCH_CHECK(event.asked != nullptr);
  const RequestView& asked = *event.asked;
  worker.requests.push({.id = event.request,
                        .stage = event.stage,
                        .dispatched = event.at,
                        .first_token = {},
                        .input = asked.input,
                        .cached = std::clamp<Tokens>(event.cached, 0, asked.input),
                        .output_max = asked.output_max,
                        .slo = asked.slo,
                        .ttft = asked.streamed || event.stage == Stage::prefill ? event.ttft : Duration{}});
  ++worker.waiting;
  worker.prompts += asked.input;
  if (event.stage != Stage::decode) worker.uncomputed += asked.input - std::clamp<Tokens>(event.cached, 0, asked.input);
}

void Ledger::learn(Worker& worker, const InFlight& request, Time first_token) {
  if (request.ttft <= Duration{}) return;
  const auto observed = static_cast<double>((first_token - request.dispatched).ns);
  const double ratio = std::clamp(observed / static_cast<double>(request.ttft.ns), kScaleLeast, kScaleMost);
  const double before = scale_of(worker);
  worker.scale = before + kScaleWeight * (ratio - before);
  worker.learned = true;
  double sum = 0;
  int learned = 0;
  for (const Worker& each : workers_) {
    if (!each.learned || each.spec.role != worker.spec.role) continue;
    sum += each.scale;
    ++learned;
  }
  usual_scale_[static_cast<std::size_t>(worker.spec.role)] = sum / learned;
}

double Ledger::scale_of(const Worker& worker) const {
  return worker.learned ? worker.scale : usual_scale_[static_cast<std::size_t>(worker.spec.role)];
}

void Ledger::first_token(Worker& worker, const Event& event, Time now) {
  const std::size_t place = worker.requests.find(event.request);
  if (place == InFlightList::kNone) return;
  InFlight& request = worker.requests.at(place);
  if (request.first_token) return;
  if (learn_scale_) learn(worker, request, event.at);
  if (request.stage == Stage::prefill) return remove(worker, place);
  --worker.waiting;
  if (request.stage == Stage::whole) {
    worker.uncomputed -= request.input - request.cached;
    request.cached = std::clamp<Tokens>(event.cached, 0, request.input);
  }
  request.first_token = event.at;
  // Told late, it has decoded since.
  const std::int64_t mark = worker.steps - steps_in(worker, now - event.at);
  worker.requests.mark(place) = mark;
  worker.marks += mark;
  ++worker.running;
  worker.running_prompts += request.input;
  worker.running_most += request.output_max;
}

void Ledger::remove(Worker& worker, std::size_t place) {
  const InFlight& request = worker.requests.at(place);
  worker.prompts -= request.input;
  if (request.first_token) {
    --worker.running;
    worker.running_prompts -= request.input;
    worker.running_most -= request.output_max;
    worker.marks -= worker.requests.mark(place);
  } else {
    --worker.waiting;
    if (request.stage != Stage::decode) worker.uncomputed -= request.input - request.cached;
  }
  worker.requests.erase(place);
}

// In doubles: an hour is 2^42 ns, and 2^-16 steps of 2^-16 ns need 32 bits more. Division and multiplication give the same bits
// everywhere.
std::int64_t Ledger::steps_in(const Worker& worker, Duration elapsed) {
  if (worker.step <= 0 || elapsed.ns <= 0) return 0;
  return static_cast<std::int64_t>(static_cast<double>(elapsed.ns) * 0x1.0p32 / static_cast<double>(worker.step));
}

Tokens Ledger::produced(const Worker& worker, Time now) {
  if (worker.running == 0) return 0;
  const std::int64_t steps = worker.steps + steps_in(worker, now - worker.counted);
  const Tokens tokens = worker.running + ((worker.running * steps - worker.marks) >> 16);  // the first tokens, then one a step
  return std::clamp<Tokens>(tokens, 0, worker.running_most);
}

void Ledger::count_steps(Worker& worker, Time now) {
  if (worker.running > 0) worker.steps += steps_in(worker, now - worker.counted);
  worker.counted = now;
}

void Ledger::estimate_step(Worker& worker) {
  if (worker.running == 0) {
    // Nobody remembers the old count: from 0 again it stays small over any run.
    INFBENCH_CHECK(worker.marks == 0);
    worker.steps = 0;
    worker.step = kAssumedStep.ns * cost::kTicksPerNs;
    return;
  }
  if (worker.spec.speed == nullptr) return;
  const Tokens context = worker.running_prompts + produced(worker, worker.counted);
  worker.step = worker.spec.speed->decode_sum(worker.running, context, 1);
}

WorkerView Ledger::view(WorkerId id, Time now) const {
  const Worker& worker = workers_[id.value];
  const Tokens tokens = produced(worker, now);
  return {.id = id,
          .role = worker.spec.role,
          .as_of = now - view_delay_,
          .waiting = worker.waiting,
          .running = worker.running,
          .uncomputed = worker.uncomputed,
          .context = worker.running_prompts + tokens,
          .kv_used = worker.prompts + tokens,
          .kv_capacity = worker.spec.kv_capacity,
          .requests = worker.requests.all(),
          .speed = worker.spec.speed,
          .scale = scale_of(worker)};
}

std::span<const WorkerView> Ledger::views(Role role, std::span<const WorkerId> left_out, Time now) {
  views_.clear();
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = workers_[i];
    if (!worker.known || !worker.up || worker.spec.role != role) continue;
    if (std::find(left_out.begin(), left_out.end(), WorkerId{i}) != left_out.end()) continue;
    views_.push_back(view(WorkerId{i}, now));
  }
  return views_;
}

}  // namespace infbench::route
