// Whatever happens, in any order: every call ends exactly once, nothing of it stays behind, no worker that failed it gets it
// again, and the ledger holds what is under way and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "live/gateway_for_test.h"

namespace infbench::live {
namespace {

using What = GatewayCommand::What;

// The owner's side: what is open on which worker, what has ended.
struct Owner {
  struct Open {
    WorkerId worker;
    bool answered = false;
    bool first = false;
  };
  std::map<std::pair<CallId, Part>, Open> open;
  std::map<CallId, int> ends;
  std::map<CallId, std::set<std::uint32_t>> failed;
  std::map<CallId, Part> relayed;

  void obey(const GatewayCommand& c) {
    const auto key = std::pair{c.call, c.part};
    switch (c.what) {
      case What::send:
        RC_ASSERT(!open.contains(key));
        RC_ASSERT(!failed[c.call].contains(c.worker.value));
        RC_ASSERT(!relayed.contains(c.call));
        open[key] = {c.worker};
        break;
      case What::drop: RC_ASSERT(open.erase(key) == 1); break;
      case What::relay:
        RC_ASSERT(!relayed.contains(c.call));
        RC_ASSERT(open.contains(key));
        relayed[c.call] = c.part;
        break;
      case What::refuse:
      case What::cut:
      case What::finished:
        RC_ASSERT(++ends[c.call] == 1);
        RC_ASSERT(c.what != What::refuse || !relayed.contains(c.call));
        RC_ASSERT(c.what != What::cut || relayed.contains(c.call));
        break;
    }
  }
};

GatewaySettings random_settings(bool pairs) {
  GatewaySettings s = pairs ? test::pair_settings(*rc::gen::inRange(1, 3), *rc::gen::inRange(1, 3))
                            : test::gateway_settings(*rc::gen::inRange(1, 4));
  s.policy =
      *rc::gen::element<std::string>("round_robin", "cache_aware", "min_ttft", "random", "slo", "kv", "llmd", "prefix_hash");
  s.breaker = {.failures_to_open = *rc::gen::inRange(1, 4), .successes_to_close = 1, .open_for = seconds(5)};
  s.retry.attempts_max = *rc::gen::inRange(1, 4);
  s.retry.jitter = 0.2;
  s.request_timeout = seconds(20);
  if (*rc::gen::arbitrary<bool>()) {
    s.admission.concurrent_max = *rc::gen::inRange(1, 4);
    s.admission.queue_max = *rc::gen::inRange(0, 4);
    s.admission.queue_timeout = seconds(4);
    if (*rc::gen::arbitrary<bool>()) s.admission.rate_per_s = *rc::gen::inRange(1, 5);
  }
  return s;
}

class RandomRun {
 public:
  explicit RandomRun(const GatewaySettings& settings) : bench_(settings), pairs_(settings.disaggregated) {}

  void step() {
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
      case 1:
      case 2: calls_.push_back(bench_.arrive(test::prompt_info(*rc::gen::inRange(1U, 4U)))); break;
      case 3:
        if (!calls_.empty()) bench_.gateway->left(calls_[*rc::gen::inRange(std::size_t{0}, calls_.size())], bench_.now);
        break;
      case 4: bench_.now = bench_.now + milliseconds(*rc::gen::inRange(1, 3000)); break;
      case 5: change_workers(); break;
      default: tell(); break;
    }
    settle();
  }
  // Every open part ends, all time limits pass.
  void finish() {
    for (int i = 0; i < 100 && bench_.gateway->calls() > 0; ++i) {
      while (!owner_.open.empty()) end_first();
      bench_.now = bench_.now + seconds(1);
      settle();
    }
    RC_ASSERT(bench_.is_idle());
    RC_ASSERT(owner_.open.empty());
    RC_ASSERT(owner_.ends.size() == calls_.size());
    for (int i = 0; i < 10; ++i) {  // breakers close again with time
      bench_.now = bench_.now + seconds(5);
      bench_.gateway->advance(bench_.now);
    }
    RC_ASSERT(bench_.gateway->next() == kNever);
  }

 private:
  void change_workers() {
    const auto& workers = bench_.gateway->workers();
    const std::size_t which = *rc::gen::inRange(std::size_t{0}, workers.size());
    if (*rc::gen::arbitrary<bool>() && workers.size() < 6) {
      bench_.gateway->add_worker(test::upstream(9, workers[which].settings.role), bench_.now);
    } else {
      bench_.gateway->remove_worker({static_cast<std::uint32_t>(which)}, bench_.now);
    }
  }
  // Something happens to a part that is open, in the order that a connection allows.
  void tell() {
    if (owner_.open.empty()) return;
    auto at = owner_.open.begin();
    std::advance(at, *rc::gen::inRange(std::size_t{0}, owner_.open.size()));
    const auto [call, part] = at->first;
    Owner::Open& open = at->second;
    if (*rc::gen::inRange(0, 4) == 0) return lose(call, part);
    if (!std::exchange(open.answered, true)) return answer(call, part, *rc::gen::element(200, 200, 200, 400, 500, 503));
    if (!std::exchange(open.first, true)) return bench_.gateway->first_bytes(call, part, bench_.now);
    owner_.open.erase(at);
    bench_.gateway->ended(call, part, bench_.now);
  }
  void answer(CallId call, Part part, int status) {
    if (status >= 500) owner_.failed[call].insert(owner_.open.at({call, part}).worker.value);
    bench_.gateway->answered(call, part, status, bench_.now);
  }
  void lose(CallId call, Part part) {
    owner_.failed[call].insert(owner_.open.at({call, part}).worker.value);
    bench_.gateway->broke(call, part, bench_.now);
    broken_.insert({call, part});
  }
  void end_first() {
    const auto [call, part] = owner_.open.begin()->first;
    Owner::Open& open = owner_.open.begin()->second;
    if (!std::exchange(open.answered, true)) {
      answer(call, part, 200);
      settle();
    } else if (!std::exchange(open.first, true)) {
      bench_.gateway->first_bytes(call, part, bench_.now);
      settle();
    } else {
      owner_.open.erase({call, part});
      bench_.gateway->ended(call, part, bench_.now);
      settle();
    }
  }
  void settle() {
    bench_.gateway->advance(bench_.now);
    std::vector<GatewayCommand> commands;
    bench_.gateway->take_commands(commands);
    for (const GatewayCommand& each : commands) owner_.obey(each);
    for (const auto& key : broken_) owner_.open.erase(key);  // a part that broke need not be dropped
    broken_.clear();
    std::map<std::uint32_t, int> open;
    for (const auto& [key, each] : owner_.open) ++open[each.worker.value];
    for (std::uint32_t i = 0; i < bench_.gateway->workers().size(); ++i) {
      RC_ASSERT(bench_.gateway->workers()[i].active == open[i]);
      if (!pairs_) RC_ASSERT(bench_.in_ledger(i) == open[i]);  // a prefill worker is rid of a prompt before its answer ends
    }
  }

  test::GatewayBench bench_;
  bool pairs_;
  Owner owner_;
  std::vector<CallId> calls_;
  std::set<std::pair<CallId, Part>> broken_;
};

void run_random(bool pairs) {
  RandomRun run(random_settings(pairs));
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) run.step();
  run.finish();
}

RC_GTEST_PROP(GatewayProperty, EveryCallEndsOnceAndNothingStaysBehind, ()) { run_random(false); }
RC_GTEST_PROP(GatewayProperty, SoItDoesWithPairs, ()) { run_random(true); }

}  // namespace
}  // namespace infbench::live
