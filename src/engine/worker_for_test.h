// What the engine's tests share: round step times, prompts by name, a sink that writes a timeline, a driver that never misses a
// moment. For tests only; one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/random.h"
#include "cost/step_time.h"
#include "engine/sink.h"
#include "engine/worker.h"

namespace infbench::engine::test {

// A step takes 1 ms, and 1 us for each token computed: easy to add up by head.
inline cost::StepTime round_times() {
  cost::Coefficients c;
  c.step = 1'000'000 * cost::kTicksPerNs;
  c.token = 1'000 * cost::kTicksPerNs;
  return cost::StepTime(c);
}

// Times with every term in play, and no round number among them.
inline cost::StepTime crooked_times() {
  cost::Coefficients c;
  c.step = 971'337'123'457;
  c.prompt_step = 31'337'111;
  c.decode_step = 7'777'777;
  c.token = 65'536'123;
  c.token_beyond = {13, 17, 19};
  c.token_knees = {100, 300, 3000};
  c.wave = 999'331;
  c.wave_knee = 64;
  c.kv_token = 1'234'567;
  c.kv_token_below_knee = 765'432;
  c.kv_knee = 5000;
  c.attention_pair = 12'345;
  return cost::StepTime(c);
}

// The pages of `tokens` tokens of a text; texts of one name share their pages as far as both go.
inline std::vector<PageHash> text(std::uint64_t name, Tokens tokens, Tokens page = 64) {
  std::vector<PageHash> pages;
  PageHash previous;
  for (Tokens t = page; t <= tokens; t += page)
    pages.push_back(previous = chain(previous, mix64(name) + static_cast<std::uint64_t>(t)));
  return pages;
}

// One line per call, as in "1.100 first 7 cached 0": milliseconds, what, request.
class Timeline final : public Sink {
 public:
  void kv_reserved(RequestId id, Time at) override { line(at, "reserved", id); }
  void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) override {
    line(at, "kv", id, " " + std::to_string(from) + "-" + std::to_string(to) + (last ? " last" : ""));
  }
  void first_token(RequestId id, Tokens cached, Time at) override {
    ++tokens[id.value];
    line(at, "first", id, " cached " + std::to_string(cached));
  }
  void decoded(const DecodeRun& run) override {
    for (const RequestId id : run.requests) {
      tokens[id.value] += run.steps;
      second.try_emplace(id.value, run.first_end);
    }
    latest = std::max(latest, run.last_end);
  }
  void finished(RequestId id, Time at) override {
    ++ends[id.value];
    line(at, "end", id);
  }
  void refused(RequestId id, Refusal why, Time at) override {
    ++ends[id.value];
    line(at, "refused", id, why == Refusal::above_context_length ? " context" : " kv");
  }

  std::vector<std::string> lines;
  std::map<std::uint64_t, std::int64_t> tokens;
  std::map<std::uint64_t, int> ends;
  std::map<std::uint64_t, Time> second;  // token
  Time latest;
  bool went_back = false;

 private:
  void line(Time at, const char* what, RequestId id, const std::string& more = {}) {
    went_back = went_back || at < latest;
    latest = std::max(latest, at);
    std::array<char, 32> ms{};
    std::snprintf(ms.data(), ms.size(), "%.3f", to_ms(at - Time{}));
    lines.push_back(std::string(ms.data()) + " " + what + " " + std::to_string(id.value) + more);
  }
};

// Something to hand to the worker at a moment.
struct Input {
  Time at;
  std::function<void(Worker&)> give;
};

// Drives the worker through the inputs (in order of time) and on to the end, or to `stop`: from change to change, or step by
// step.
inline void drive(Worker& worker, Sink& sink, const std::vector<Input>& inputs, bool step_by_step = false, Time stop = kNever) {
  std::size_t given = 0;
  while (true) {
    const Time event = (step_by_step ? worker.next() : worker.next_change()).value_or(kNever);
    const Time input = given < inputs.size() ? inputs[given].at : kNever;
    const Time now = std::min(event, input);
    if (now == kNever || now > stop) return;
    worker.advance(now, sink);
    while (given < inputs.size() && inputs[given].at == now) inputs[given++].give(worker);
    worker.settle(now, sink);
  }
}

inline Input submit_at(Time at, EngineRequest request, std::vector<PageHash> pages) {
  return {at, [request, pages = std::move(pages), at](Worker& worker) mutable {
            request.pages = pages;
            worker.submit(request, at);
          }};
}

inline Time ms(double value) { return Time{static_cast<std::int64_t>(value * 1e6)}; }

inline EngineRequest request(std::uint64_t id, Tokens input, Tokens output, Stage stage = Stage::whole) {
  return {.id = {id}, .stage = stage, .input = input, .output = output, .pages = {}};
}

// A request of the text `name`, in pages of so many tokens.
inline Input arrive(double at_ms, std::uint64_t id, Tokens input, Tokens output, std::uint64_t name, Tokens page = 64) {
  return submit_at(ms(at_ms), request(id, input, output), text(name, input + output, page));
}

// A rule of a scheduler, as what it makes of some requests.
struct Scenario {
  const char* name;
  WorkerConfig config;
  std::vector<Input> inputs;
  std::vector<std::string> timeline;
};

// In jumps and step by step, with steps of 1 ms and 1 us for each token computed.
inline void expect_timelines(const std::vector<Scenario>& scenarios) {
  const cost::StepTime times = round_times();
  for (const bool step_by_step : {false, true}) {
    for (const Scenario& scenario : scenarios) {
      SCOPED_TRACE(std::string(scenario.name) + (step_by_step ? ", step by step" : ""));
      Worker worker(scenario.config, times);
      Timeline timeline;
      drive(worker, timeline, scenario.inputs, step_by_step);
      EXPECT_EQ(timeline.lines, scenario.timeline);
      EXPECT_TRUE(worker.idle());
      EXPECT_EQ(worker.kv().in_use(), 0);
    }
  }
}

}  // namespace infbench::engine::test
