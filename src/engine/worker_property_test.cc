// What holds for every workload, on drawn ones: nothing is lost, nothing comes twice, KV is never overdrawn, prefix hits stay
// below what an endless cache would give, time never runs back, and a jump gives the same nanoseconds as single steps.
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "engine/worker.h"
#include "engine/worker_for_test.h"

namespace infbench::engine {
namespace {

using test::Input;
using test::text;
using test::Timeline;

struct Drawn {
  Time at;
  EngineRequest request;
  std::vector<PageHash> pages;
};

struct Workload {
  WorkerConfig config;
  std::vector<Drawn> requests;  // in order of arrival
};

// Half of them sglang's, half of them vLLM's, with all that they can be told.
void draw_scheduler(Random& random, WorkerConfig& config) {
  constexpr QueueOrder kOrders[] = {QueueOrder::arrival, QueueOrder::longest_prefix, QueueOrder::longest_answer};
  config.scheduler = random.below(2) == 0 ? Scheduler::sglang : Scheduler::vllm;
  config.running_max = 1 + static_cast<std::int64_t>(random.below(40));
  config.keep_prefixes = random.below(4) > 0;
  config.prompts_max = 64 + static_cast<Tokens>(random.below(2000));
  config.order = kOrders[random.below(3)];
  config.conservativeness = static_cast<double>(random.below(3)) / 2;
  config.mixed_chunks = random.below(3) == 0;
}

Workload draw(std::uint64_t seed, Role role) {
  Random random(seed);
  Workload workload;
  workload.config = {.role = role,
                     .kv_capacity = 64 * static_cast<Tokens>(20 + random.below(200)),
                     .page = 64,
                     .chunk = 64 * static_cast<Tokens>(1 + random.below(20)),
                     .context_length = 5000};
  draw_scheduler(random, workload.config);
  Time at;
  for (std::uint64_t id = 0; id < 60; ++id) {
    if (random.below(3) > 0) at = at + Duration{static_cast<std::int64_t>(random.below(40'000'000))};
    const Tokens input = 1 + static_cast<Tokens>(random.below(random.below(4) == 0 ? 6000 : 900));
    const Tokens output = 1 + static_cast<Tokens>(random.below(random.below(4) == 0 ? 300 : 12));
    const std::uint64_t name = random.below(8);  // few texts: prefixes are shared
    const Stage stage = role == Role::aggregated ? Stage::whole : role == Role::prefill ? Stage::prefill : Stage::decode;
    workload.requests.push_back(
        {at, {.id = {id}, .stage = stage, .input = input, .output = output, .pages = {}}, text(name, input + output)});
  }
  return workload;
}

std::vector<Input> inputs_of(const Workload& workload) {
  std::vector<Input> inputs;
  for (const Drawn& drawn : workload.requests) inputs.push_back(test::submit_at(drawn.at, drawn.request, drawn.pages));
  return inputs;
}

// Passes everything on, and looks at the worker's KV at each call.
class Watch final : public Sink {
 public:
  explicit Watch(Timeline& timeline) : timeline_(timeline) {}
  void watch(const Worker& worker) { worker_ = &worker; }

  void kv_reserved(RequestId id, Time at) override { timeline_.kv_reserved(id, at), look(); }
  void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) override {
    timeline_.kv_ready(id, from, to, last, at), look();
  }
  void first_token(RequestId id, Tokens cached, Time at) override {
    timeline_.first_token(id, cached, at), look();
    hits[id.value] = cached;
    prompt_done.push_back(id.value);
  }
  void decoded(const DecodeRun& run) override { timeline_.decoded(run), look(); }
  void finished(RequestId id, Time at) override {
    timeline_.finished(id, at), look();
    ended.push_back(id.value);
  }
  void refused(RequestId id, Refusal why, Time at) override { timeline_.refused(id, why, at), look(); }

  std::map<std::uint64_t, Tokens> hits;
  std::vector<std::uint64_t> prompt_done;
  std::vector<std::uint64_t> ended;
  bool overdrawn = false;

 private:
  void look() {
    const KvPool& kv = worker_->kv();
    overdrawn = overdrawn || kv.free() < 0 || kv.in_use() < 0 || kv.in_use() > kv.capacity();
  }
  Timeline& timeline_;
  const Worker* worker_ = nullptr;
};

RC_GTEST_PROP(WorkerProperty, NothingIsLostTwiceOrOverdrawn, (std::uint64_t seed)) {
  const Workload workload = draw(seed, Role::aggregated);
  const cost::StepTime times = test::crooked_times();
  Worker worker(workload.config, times);
  Timeline timeline;
  Watch watch(timeline);
  watch.watch(worker);
  test::drive(worker, watch, inputs_of(workload));

  RC_ASSERT(worker.idle());
  RC_ASSERT(!watch.overdrawn);
  RC_ASSERT(!timeline.went_back);
  RC_ASSERT(worker.kv().in_use() == 0);
  for (const Drawn& drawn : workload.requests) {
    const std::uint64_t id = drawn.request.id.value;
    RC_ASSERT(timeline.ends[id] == 1);
    const Tokens whole = drawn.request.input + drawn.request.output;
    const std::int64_t pages = (whole + 63) / 64;
    const bool fits = whole <= workload.config.context_length && pages <= workload.config.kv_capacity / 64;
    RC_ASSERT(timeline.tokens[id] == (fits ? drawn.request.output : 0));
  }
}

RC_GTEST_PROP(WorkerProperty, HitsStayBelowAnEndlessCache, (std::uint64_t seed)) {
  Workload workload = draw(seed, Role::aggregated);
  workload.config.order = QueueOrder::arrival;  // else one that came later may have been first
  const cost::StepTime times = test::crooked_times();
  Worker worker(workload.config, times);
  Timeline timeline;
  Watch watch(timeline);
  watch.watch(worker);
  test::drive(worker, watch, inputs_of(workload));

  // An endless cache holds at most the pages of every request that arrived before.
  std::set<PageHash> seen;
  for (const Drawn& drawn : workload.requests) {
    std::size_t known = 0;
    const auto sharable = static_cast<std::size_t>((drawn.request.input - 1) / 64);
    while (known < sharable && seen.count(drawn.pages[known]) > 0) ++known;
    const auto hit = watch.hits.find(drawn.request.id.value);
    if (hit != watch.hits.end()) RC_ASSERT(hit->second <= static_cast<Tokens>(known) * 64);
    seen.insert(drawn.pages.begin(), drawn.pages.end());
  }
}

RC_GTEST_PROP(WorkerProperty, AJumpEqualsSingleSteps, (std::uint64_t seed, bool round)) {
  const Workload workload = draw(seed, Role::aggregated);
  const cost::StepTime times = round ? test::round_times() : test::crooked_times();
  Worker jumping(workload.config, times);
  Worker stepping(workload.config, times);
  Timeline jumped;
  Timeline stepped;
  test::drive(jumping, jumped, inputs_of(workload), false);
  test::drive(stepping, stepped, inputs_of(workload), true);
  RC_ASSERT(jumped.lines == stepped.lines);
  RC_ASSERT(jumped.tokens == stepped.tokens);
  RC_ASSERT(jumped.second == stepped.second);
}

// What either side says becomes an input of the other, 2 us later.
struct Wire final : public Sink {
  std::multimap<Time, std::function<void(Time)>> inputs;
  Worker* prefill = nullptr;
  Worker* decode = nullptr;
  std::map<std::uint64_t, int> ended, first;
  std::map<std::uint64_t, Tokens> tokens, sent;
  void kv_reserved(RequestId id, Time at) override {
    inputs.emplace(at + microseconds(2), [this, id](Time now) { prefill->room_ready(id, now); });
  }
  void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) override {
    RC_ASSERT(sent[id.value] == from);
    sent[id.value] = to;
    if (!last) return;
    inputs.emplace(at + microseconds(2), [this, id](Time now) {
      decode->kv_arrived(id, now);
      prefill->kv_sent(id, now);
    });
  }
  void first_token(RequestId id, Tokens, Time) override { ++first[id.value]; }
  void decoded(const DecodeRun& run) override {
    for (const RequestId id : run.requests) tokens[id.value] += run.steps;
  }
  void finished(RequestId id, Time) override { ++ended[id.value]; }
  void refused(RequestId id, Refusal, Time at) override {
    inputs.emplace(at + microseconds(2), [this, id](Time now) {
      prefill->cancel(id, now);
      decode->cancel(id, now);
    });
    ended[id.value] = 1;
  }
};

// A prefill and a decode worker, driven together with a fixed delay between them: both sides give everything back.
RC_GTEST_PROP(WorkerProperty, APairLosesNothing, (std::uint64_t seed)) {
  Workload workload = draw(seed, Role::prefill);
  const cost::StepTime times = test::crooked_times();
  WorkerConfig decode_config = workload.config;
  decode_config.role = Role::decode;
  Worker prefill(workload.config, times);
  Worker decode(decode_config, times);

  Wire wire;
  wire.prefill = &prefill;
  wire.decode = &decode;
  for (const Drawn& drawn : workload.requests) {
    wire.inputs.emplace(drawn.at, [&](Time now) {
      EngineRequest request = drawn.request;
      request.pages = drawn.pages;
      prefill.submit(request, now);
      request.stage = Stage::decode;
      decode.submit(request, now);
    });
  }
  while (true) {
    Time now = wire.inputs.empty() ? kNever : wire.inputs.begin()->first;
    now = std::min({now, prefill.next_change().value_or(kNever), decode.next_change().value_or(kNever)});
    if (now == kNever) break;
    prefill.advance(now, wire);
    decode.advance(now, wire);
    while (!wire.inputs.empty() && wire.inputs.begin()->first == now) {
      const auto give = wire.inputs.begin()->second;
      wire.inputs.erase(wire.inputs.begin());
      give(now);
    }
    prefill.settle(now, wire);
    decode.settle(now, wire);
  }
  RC_ASSERT(prefill.idle());
  RC_ASSERT(decode.idle());
  RC_ASSERT(prefill.kv().in_use() == 0);
  RC_ASSERT(decode.kv().free() == decode.kv().capacity());
  for (const Drawn& drawn : workload.requests) {
    const std::uint64_t id = drawn.request.id.value;
    RC_ASSERT(wire.ended[id] == 1);
    if (wire.first[id] == 0) continue;  // refused
    RC_ASSERT(wire.first[id] == 2);     // computed on one side, sent out on the other
    RC_ASSERT(wire.tokens[id] == drawn.request.output - 1);
    RC_ASSERT(wire.sent[id] == drawn.request.input);
  }
}

}  // namespace
}  // namespace infbench::engine
