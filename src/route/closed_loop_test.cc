// The policies around a loop without an engine: workers that compute prompts one after the other at a fixed rate and keep
// prefixes, least recently used out first. Nothing here is calibrated; only the order of the policies is asserted.
#include <algorithm>
#include <array>
#include <queue>

#include <gtest/gtest.h>

#include "base/prefix_cache.h"
#include "route/factory.h"
#include "route/route_for_test.h"
#include "route/router.h"

namespace infbench::route::testing {
namespace {

constexpr std::int64_t kKvPages = 3'000;

struct Traffic {
  struct Arrival {
    Time at;
    Prompt prompt;
  };
  std::vector<Arrival> arrivals;
};

// 80 conversations, a few much busier than others, all behind one common beginning; each turn has the turns before it as its
// prefix.
Traffic skewed_traffic(std::size_t requests) {
  Random random(5);
  std::array<int, 80> turns{};
  Traffic traffic;
  Time now;
  for (std::size_t i = 0; i < requests; ++i) {
    now = now + milliseconds(static_cast<std::int64_t>(random.below(220)));
    const double skew = random.unit();
    const auto who = static_cast<std::size_t>(skew * skew * 80);
    int& turn = turns[who];
    if (++turn > 12) turn = 1;
    traffic.arrivals.push_back({.at = now, .prompt = prompt_of({{1, 8}, {100 + who, 12 * turn}}, 17)});
  }
  return traffic;
}

struct Outcome {
  double mean_ttft_s = 0;
  double hit_rate = 0;
};

Outcome run(std::string_view policy, const Traffic& traffic, Duration view_delay) {
  const cost::StepTime speed = round_speed();
  const auto specs =
      workers_of({Role::aggregated, Role::aggregated, Role::aggregated, Role::aggregated}, &speed, kKvPages * kPage);
  Router router({.policy = policy_named(policy), .decode_policy = nullptr, .view_delay = view_delay, .seed = 1}, specs);
  std::vector<PrefixCache> caches(specs.size());
  std::vector<Time> free_at(specs.size());
  using Due = std::tuple<Time, std::uint32_t, std::uint64_t, Event::What, Tokens>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> events;
  Duration waited;
  Tokens hits = 0;
  Tokens all = 0;
  std::size_t dispatched = 0;
  const auto dispatch = [&](std::uint64_t id, Time now) {
    const auto& [at, prompt] = traffic.arrivals[id];
    const auto answer = router.route(view_of(id, prompt, 100, at), {}, now);
    const Route* route = std::get_if<Route>(&answer);
    if (route == nullptr) return;  // held
    ++dispatched;
    const std::uint32_t worker = route->pick.worker.value;
    PrefixCache& cache = caches[worker];
    const Tokens cached = cache.match(prompt.pages) * kPage;
    cache.insert(prompt.pages);
    cache.evict(cache.pages() - kKvPages, nullptr);
    const Time begin = std::max(now, free_at[worker]);
    free_at[worker] = begin + microseconds(100 * (prompt.input - cached));
    events.emplace(free_at[worker], worker, id, Event::What::first_token, cached);
    events.emplace(free_at[worker] + seconds(2), worker, id, Event::What::finished, 0);
    waited += free_at[worker] - at;
    hits += cached;
    all += prompt.input;
  };
  std::uint64_t next = 0;
  for (Time now; next < traffic.arrivals.size() || !events.empty();) {
    Time first = router.next().value_or(kNever);
    if (next < traffic.arrivals.size()) first = std::min(first, traffic.arrivals[next].at);
    if (!events.empty()) first = std::min(first, std::get<Time>(events.top()));
    now = std::max(now, first);
    while (!events.empty() && std::get<Time>(events.top()) <= now) {
      const auto [when, worker, request, what, cached] = events.top();
      events.pop();
      router.on({.what = what, .at = when, .worker = WorkerId{worker}, .request = RequestId{request}, .cached = cached}, now);
    }
    while (const auto held = router.due(now)) dispatch(held->value, now);
    for (; next < traffic.arrivals.size() && traffic.arrivals[next].at <= now; ++next) dispatch(next, now);
  }
  EXPECT_EQ(dispatched, traffic.arrivals.size()) << policy << ": nobody is held for ever";
  return {.mean_ttft_s = to_s(waited) / static_cast<double>(traffic.arrivals.size()),
          .hit_rate = static_cast<double>(hits) / static_cast<double>(all)};
}

TEST(ClosedLoop, EstimatingFirstTokensBeatsTakingTurns) {
  const Traffic traffic = skewed_traffic(4'000);
  const Outcome turns = run("round_robin", traffic, {});
  const Outcome affine = run("cache_aware", traffic, {});
  const Outcome estimated = run("min_ttft", traffic, {});
  EXPECT_LT(estimated.mean_ttft_s, 0.7 * turns.mean_ttft_s);
  EXPECT_LT(estimated.mean_ttft_s, affine.mean_ttft_s);
  EXPECT_GT(estimated.hit_rate, turns.hit_rate);
  EXPECT_GT(affine.hit_rate, turns.hit_rate);
}

TEST(ClosedLoop, LateEventsHurtLittle) {
  const Traffic traffic = skewed_traffic(4'000);
  const Outcome turns = run("round_robin", traffic, {});
  const Outcome late = run("min_ttft", traffic, milliseconds(500));
  EXPECT_LT(late.mean_ttft_s, 0.8 * turns.mean_ttft_s);
}

TEST(ClosedLoop, RunsRepeat) {
  const Traffic traffic = skewed_traffic(500);
  for (const std::string_view policy : policy_names()) {
    const Outcome one = run(policy, traffic, {});
    const Outcome two = run(policy, traffic, {});
    EXPECT_EQ(one.mean_ttft_s, two.mean_ttft_s) << policy;
    EXPECT_EQ(one.hit_rate, two.hit_rate) << policy;
  }
}

}  // namespace
}  // namespace infbench::route::testing
