#include "simulate/simulate.h"

#include <algorithm>
#include <climits>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "simulate/explainer.h"
#include "trace/pages.h"

namespace infbench::simulate {
namespace {

using measure::RequestRecord;
using route::Event;

// A stand-in for text that virtual requests do not have: English and code in the tokenizers in use run at about four characters
// a token. Only policies that count characters see it.
constexpr std::size_t kCharsPerToken = 4;

// Writes down what workers tell: into the records, as Events for the router, as messages on the links.
class Notebook final : public engine::Sink {
 public:
  Notebook(const Cluster& cluster, engine::Links& links, std::vector<RequestRecord>& records, Explainer* explainer)
      : cluster_(cluster), links_(links), records_(records), explainer_(explainer) {}

  // The worker that is about to be driven.
  void listen_to(WorkerId worker) { worker_ = worker; }

  void kv_reserved(RequestId id, Time at) override {
    links_.send({.what = engine::Message::What::room, .request = id, .from = worker_, .to = *record(id).prefill_worker}, 0, at);
  }

  void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) override {
    using What = engine::Message::What;
    Bytes bytes = (to - from) * model().kv.kv_per_token_per_gpu;
    if (cluster_.layerwise_kv) bytes = left_after_step(bytes, worker_, *record(id).worker);
    links_.send({.what = last ? What::kv_end : What::kv, .request = id, .from = worker_, .to = *record(id).worker}, bytes, at);
  }

  void first_token(RequestId id, Tokens cached, Time at) override {
    RequestRecord& r = record(id);
    if (role() != Role::decode) r.cached = cached;
    if (role() != Role::prefill) r.first_token = at;
    explain_first_token(id, at);
    note(Event::What::first_token, id, at, cached);
  }

  void decoded(const engine::DecodeRun& run) override {
    for (const RequestId id : run.requests) {
      RequestRecord& r = record(id);
      if (!r.second_token) r.second_token = run.first_end;
    }
  }

  void prompts_computed(const engine::PromptStep& step) override {
    step_ = step.end - step.start;
    if (explainer_ != nullptr) explainer_->step(worker_, step);
  }

  void finished(RequestId id, Time at) override {
    if (explainer_ != nullptr) explainer_->finished(id, at);
    note(Event::What::finished, id, at, 0);
    RequestRecord& r = record(id);
    r.end = at;
    r.output = r.output_asked;
    ended.push_back(id);
  }

  void refused(RequestId id, engine::Refusal why, Time at) override {
    RequestRecord& r = record(id);
    note(Event::What::failed, id, at, 0);
    if (!r.error.empty()) {  // the other one of the pair has said so already
      std::erase_if(other_of_pair, [id](const auto& other) { return other.second == id; });
      return;
    }
    r.error = why == engine::Refusal::above_context_length ? "prompt and answer are longer than the context length"
                                                           : "prompt and answer are larger than the KV of a worker";
    r.end = at;
    ended.push_back(id);
    if (r.prefill_worker) other_of_pair.emplace_back(worker_ == *r.worker ? *r.prefill_worker : *r.worker, id);
  }

  // Not told by a worker: the partner refused the request.
  void cancelled(RequestId id, Time at) { note(Event::What::failed, id, at, 0); }

  // Not told by a worker either: all KV has gone over, the prefill stage is over.
  void kv_sent(RequestId id, Time at) { note(Event::What::finished, id, at, 0); }

  std::vector<Event> events;
  std::vector<RequestId> ended;
  std::vector<std::pair<WorkerId, RequestId>> other_of_pair;  // to be cancelled there: its partner refused it

 private:
  RequestRecord& record(RequestId id) { return records_[id.value]; }
  // Of a part of the KV that goes out layer by layer: what the link, were it free, had not carried by the step's end; at least
  // the last layer.
  Bytes left_after_step(Bytes bytes, WorkerId from, WorkerId to) const {
    __extension__ using Wide = __int128;
    constexpr Bytes kLayers = 64;  // of Qwen3-32B, the model that there are data for
    const bool same_node = cluster_.workers[from.value].node == cluster_.workers[to.value].node;
    const engine::LinkSpec& link = same_node ? cluster_.inside_node : cluster_.across_nodes;
    const Wide carried = static_cast<Wide>(link.bytes_per_s) * step_.ns / 1'000'000'000;
    return std::max(static_cast<Bytes>(bytes - std::min<Wide>(carried, bytes)), (bytes + kLayers - 1) / kLayers);
  }

  const cost::Model& model() const { return *cluster_.workers[worker_.value].model; }
  Role role() const { return cluster_.workers[worker_.value].config.role; }

  void note(Event::What what, RequestId id, Time at, Tokens cached) {
    static constexpr Stage kStage[] = {Stage::whole, Stage::prefill, Stage::decode};  // by Role
    events.push_back({.what = what,
                      .at = at,
                      .worker = worker_,
                      .request = id,
                      .stage = kStage[static_cast<std::size_t>(role())],
                      .cached = cached,
                      .pages = {}});
  }

  void explain_first_token(RequestId id, Time at) {
    if (explainer_ == nullptr) return;
    if (role() != Role::decode) explainer_->prompt_computed(id, role() == Role::prefill);
    if (role() != Role::prefill) explainer_->first_token(id, at);
  }

  const Cluster& cluster_;
  engine::Links& links_;
  std::vector<RequestRecord>& records_;
  Explainer* explainer_;  // null: nobody asks
  WorkerId worker_;
  Duration step_;  // of the prompts that were computed last
};

// The sends of a schedule in the order in which they fall due and find a slot.
class Arrivals {
 public:
  Arrivals(const trace::Schedule& schedule, std::size_t requests)
      : schedule_(schedule), followers_(requests), slots_(schedule.in_flight_max.value_or(INT_MAX)) {
    for (std::size_t i = 0; i < schedule.sends.size(); ++i) {
      const trace::Send& send = schedule.sends[i];
      if (send.after) {
        followers_[send.after->value].push_back(i);
      } else {
        due_.push({send.at, i});
      }
    }
  }

  void ended(RequestId request, Time at) {
    ++slots_;
    for (const std::size_t i : followers_[request.value]) {
      const trace::Send& send = schedule_.sends[i];
      due_.push({std::max(send.at, at + send.delay), i});
    }
  }

  Time next() const { return due_.empty() || slots_ <= 0 ? kNever : due_.top().first; }
  trace::RequestIndex take() {
    const trace::Send& send = schedule_.sends[due_.top().second];
    due_.pop();
    --slots_;
    return send.request;
  }

 private:
  using Due = std::pair<Time, std::size_t>;
  const trace::Schedule& schedule_;
  std::vector<std::vector<std::size_t>> followers_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  int slots_ = 0;  // free ones
};

std::vector<std::int32_t> nodes_of(const Cluster& cluster) {
  std::vector<std::int32_t> nodes;
  for (const ClusterWorker& worker : cluster.workers) nodes.push_back(worker.node);
  return nodes;
}

class Driver {
 public:
  Driver(const trace::Trace& trace, const trace::Schedule& schedule, const Cluster& cluster, route::Router& router,
         measure::Timeline* timeline, Explainer* explainer)
      : trace_(trace),
        cluster_(cluster),
        router_(router),
        timeline_(timeline),
        records_(trace.size()),
        arrivals_(schedule, trace.size()),
        links_(nodes_of(cluster), cluster.inside_node, cluster.across_nodes),
        notebook_(cluster, links_, records_, explainer),
        explainer_(explainer),
        change_(cluster.workers.size(), kNever),
        touched_(cluster.workers.size(), false) {
    workers_.reserve(cluster.workers.size());
    for (const ClusterWorker& worker : cluster.workers) workers_.emplace_back(worker.config, worker.step_time());
  }

  Outcome run(const Progress& progress) {
    std::size_t told = 0;
    for (Time now = next({}); now != kNever; now = next(now)) {
      step(now);
      if (progress && ended_ - told >= 512) progress(told = ended_, records_.size());
    }
    INFBENCH_CHECK(ended_ == records_.size());  // nothing is lost
    Outcome outcome;
    for (const engine::Worker& worker : workers_) {
      INFBENCH_CHECK(worker.idle());
      outcome.workers.push_back(
          {.kv_peak = worker.kv().peak_in_use() * worker.page(), .kv_capacity = worker.kv().capacity() * worker.page()});
    }
    outcome.records = std::move(records_);
    return outcome;
  }

 private:
  // Never before `now`: what the router has left over from a moment that has passed is due at once.
  Time next(Time now) const {
    Time next = std::min(arrivals_.next(), links_.next().value_or(kNever));
    next = std::min(next, router_.next().value_or(kNever));
    for (const Time change : change_) next = std::min(next, change);
    return std::max(next, now);
  }

  void step(Time now) {
    for (std::uint32_t w = 0; w < workers_.size(); ++w) {
      if (change_[w] == now) touch({w}, now);
    }
    deliver_messages(now);
    tell_router(now);
    while (arrivals_.next() <= now) arrive(arrivals_.take(), now);
    while (settle(now)) {
    }
  }

  // Brings a worker to `now`, before its inputs.
  void touch(WorkerId worker, Time now) {
    if (touched_[worker.value]) return;
    touched_[worker.value] = true;
    notebook_.listen_to(worker);
    workers_[worker.value].advance(now, notebook_);
  }

  void deliver_messages(Time now) {
    using What = engine::Message::What;
    messages_.clear();
    links_.advance(now, messages_);
    for (const engine::Message& message : messages_) {
      if (message.what == What::kv) continue;  // only the last part moves anything
      touch(message.to, now);
      if (message.what == What::room) {
        workers_[message.to.value].room_ready(message.request, now);
      } else {
        touch(message.from, now);
        if (explainer_ != nullptr) explainer_->kv_there(message.request, message.to, now);
        workers_[message.to.value].kv_arrived(message.request, now);
        notebook_.listen_to(message.from);
        workers_[message.from.value].kv_sent(message.request, now);
        notebook_.kv_sent(message.request, now);
      }
    }
  }

  // Events in the order of the rule, then whatever the router had held back.
  void tell_router(Time now) {
    std::vector<Event>& events = notebook_.events;
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      return std::tie(a.worker, a.request) < std::tie(b.worker, b.request);
    });
    for (const Event& event : events) router_.on(event, now);
    events.clear();
    for (const RequestId id : notebook_.ended) {
      arrivals_.ended({static_cast<std::uint32_t>(id.value)}, now);
      ++ended_;
    }
    notebook_.ended.clear();
    while (const auto id = router_.due(now)) dispatch(*id, now);
  }

  void arrive(trace::RequestIndex index, Time now) {
    const auto request = trace_.request(index);
    RequestRecord& record = records_[index.value];
    record.request = index;
    record.scheduled = record.sent = now;
    record.input = request.input;
    record.output_asked = request.output;
    dispatch({index.value}, now);
  }

  // Asks the router; a request that it holds back is named by due() later.
  void dispatch(RequestId id, Time now) {
    RequestRecord& record = records_[id.value];
    const Tokens page = cluster_.workers.front().config.page;
    if (auto held = held_pages_.extract(id.value); !held.empty()) {
      pages_.swap(held.mapped());
    } else {
      trace::pages_of(trace_, record.request, page, pages_);
    }
    const auto prompt_pages = std::min(static_cast<std::size_t>(record.input / page), pages_.size());
    const route::RequestView view{.id = id,
                                  .at = record.scheduled,
                                  .stage = Stage::whole,
                                  .pages = std::span(pages_).first(prompt_pages),
                                  .page_tokens = page,
                                  .input = record.input,
                                  .output_max = cluster_.announced_output.value_or(record.output_asked),
                                  .chars = static_cast<std::size_t>(record.input) * kCharsPerToken,
                                  .key = {},
                                  .slo = cluster_.slo,
                                  .prefill = {}};
    const auto answer = router_.route(view, {}, now);
    if (std::holds_alternative<route::Hold>(answer)) {
      held_pages_[id.value].swap(pages_);
      return;
    }
    const auto* route = std::get_if<route::Route>(&answer);
    INFBENCH_CHECK(route != nullptr);  // virtual workers are always up
    submit(id, *route, now);
  }

  void submit(RequestId id, const route::Route& route, Time now) {
    RequestRecord& record = records_[id.value];
    const bool pair = route.decode.has_value();
    const WorkerId first = route.pick.worker;
    record.worker = pair ? route.decode->worker : first;
    if (pair) record.prefill_worker = first;
    if (explainer_ != nullptr) explainer_->dispatched(id, record.scheduled, first, now);
    engine::EngineRequest request{.id = id,
                                  .stage = pair ? Stage::prefill : Stage::whole,
                                  .input = record.input,
                                  .output = record.output_asked,
                                  .pages = pages_};
    touch(first, now);
    workers_[first.value].submit(request, now);
    if (!pair) return;
    request.stage = Stage::decode;
    request.pages = {};
    touch(*record.worker, now);
    workers_[record.worker->value].submit(request, now);
  }

  // Lets the touched workers act; true if that made more to do at this instant.
  bool settle(Time now) {
    for (std::uint32_t w = 0; w < workers_.size(); ++w) {
      if (!touched_[w]) continue;
      notebook_.listen_to({w});
      workers_[w].settle(now, notebook_);
      touched_[w] = false;
      change_[w] = workers_[w].next_change().value_or(kNever);
      if (timeline_ != nullptr) timeline_->note({w}, state_of(workers_[w]), now);
    }
    for (const auto& [worker, id] : std::exchange(notebook_.other_of_pair, {})) {
      touch(worker, now);
      workers_[worker.value].cancel(id, now);
      notebook_.cancelled(id, now);
    }
    tell_router(now);
    return std::find(touched_.begin(), touched_.end(), true) != touched_.end();
  }

  static measure::WorkerState state_of(const engine::Worker& worker) {
    const engine::Worker::Census census = worker.census();
    return {.waiting = census.waiting,
            .prefill = census.prefill,
            .decode = census.decode,
            .transfers = census.transfers,
            .kv = worker.kv().in_use() * worker.page()};
  }

  const trace::Trace& trace_;
  const Cluster& cluster_;
  route::Router& router_;
  measure::Timeline* timeline_;
  std::vector<RequestRecord> records_;
  Arrivals arrivals_;
  engine::Links links_;
  Notebook notebook_;
  Explainer* explainer_;
  std::vector<engine::Worker> workers_;
  std::vector<Time> change_;   // each worker's next_change()
  std::vector<bool> touched_;  // brought to the present instant, not settled yet
  std::vector<engine::Message> messages_;
  std::vector<PageHash> pages_;
  std::unordered_map<std::uint64_t, std::vector<PageHash>> held_pages_;  // of requests that the router holds; never iterated
  std::size_t ended_ = 0;
};

}  // namespace

Outcome simulate(const trace::Trace& trace, const trace::Schedule& schedule, const Cluster& cluster, route::Router& router,
                 const Progress& progress, measure::Timeline* timeline, Explain explain) {
  std::optional<Explainer> explainer;
  if (explain == Explain::yes) explainer.emplace(trace, cluster);
  Outcome outcome = Driver(trace, schedule, cluster, router, timeline, explainer ? &*explainer : nullptr).run(progress);
  if (explainer) outcome.explained = explainer->take();
  return outcome;
}

}  // namespace infbench::simulate
