#include "simulate/simulate.h"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "route/factory.h"
#include "trace/pages.h"
#include "trace/read.h"

namespace infbench::simulate {
namespace {

using measure::RequestRecord;
using ::testing::ElementsAre;

// A step takes 1 ms and 1 us for each token computed; a token has 1,000 bytes of KV, so that 1,000 tokens take 10 us inside a
// node (100 GB/s) and 100 us across (10 GB/s).
std::shared_ptr<const cost::Model> round_model() {
  cost::Coefficients c;
  c.step = 1'000'000 * cost::kTicksPerNs;
  c.token = 1'000 * cost::kTicksPerNs;
  cost::KvCapacity kv;
  kv.kv_per_token_per_gpu = 1000;
  return std::make_shared<const cost::Model>(
      cost::Model{.key = {}, .models = {}, .gpu_aliases = {}, .step_time = cost::StepTime(c), .kv = kv, .provenance = {}});
}

struct Place {
  Role role;
  std::int32_t node;
};

Cluster cluster_of(const std::vector<Place>& places, Tokens kv_capacity = 100'000) {
  Cluster cluster;
  cluster.models.push_back(round_model());
  cluster.inside_node = {.bytes_per_s = 100'000'000'000, .latency = microseconds(2)};
  cluster.across_nodes = {.bytes_per_s = 10'000'000'000, .latency = microseconds(10)};
  cluster.slo = {.ttft = milliseconds(2000), .itl = milliseconds(25)};
  for (const Place& place : places) {
    cluster.workers.push_back(
        {.config = {.role = place.role, .kv_capacity = kv_capacity, .page = 64, .chunk = 2048, .context_length = 20'000},
         .model = cluster.models.front().get(),
         .node = place.node});
  }
  return cluster;
}

route::Router router_of(const Cluster& cluster, const std::string& policy, std::uint64_t seed = 0) {
  std::vector<route::WorkerSpec> specs;
  bool pairs = false;
  for (const ClusterWorker& worker : cluster.workers) {
    pairs = pairs || worker.config.role == Role::decode;
    specs.push_back({.id = {static_cast<std::uint32_t>(specs.size())},
                     .role = worker.config.role,
                     .kv_capacity = worker.config.kv_capacity,
                     .speed = &worker.model->step_time});
  }
  route::RouterConfig config;
  config.policy = route::make_policy(policy, {}).value();
  if (pairs) config.decode_policy = route::make_policy(policy, {}).value();
  config.seed = seed;
  return route::Router(std::move(config), specs);
}

trace::Trace trace_of(const std::string& rows) {
  auto read = trace::read_trace_text(rows, "test");
  EXPECT_TRUE(read) << format_errors(read.error());
  return std::move(read->trace);
}

std::string row(double at_ms, Tokens input, Tokens output, std::uint64_t first_id, const std::string& more = {}) {
  std::string ids;
  for (std::uint64_t b = 0; b < static_cast<std::uint64_t>(trace::blocks_of(input)); ++b) {
    ids += fmt::format("{}{}", b == 0 ? "" : ", ", first_id + b);
  }
  return fmt::format("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}]{}}}\n", at_ms, input,
                     output, ids, more);
}

Outcome run(const trace::Trace& trace, const Cluster& cluster, const std::string& policy, std::uint64_t seed = 0) {
  route::Router router = router_of(cluster, policy, seed);
  return simulate(trace, trace::schedule_of(trace, 1.0), cluster, router, {});
}

// "prompt worker>answer worker due first second end cached", times in ms.
std::vector<std::string> told(const Outcome& outcome) {
  std::vector<std::string> lines;
  const auto ms = [](std::optional<Time> t) { return t ? fmt::format("{:.3f}", to_ms(*t - Time{})) : std::string("-"); };
  for (const RequestRecord& r : outcome.records) {
    if (!r.error.empty()) {
      lines.push_back(fmt::format("{} {}", ms(r.end), r.error));
      continue;
    }
    lines.push_back(fmt::format("{}>{} {} {} {} {} {}", r.prefill_worker.value_or(*r.worker).value, r.worker->value,
                                ms(r.scheduled), ms(r.first_token), ms(r.second_token), ms(r.end), r.cached));
  }
  return lines;
}

TEST(Simulate, AggregatedWorkersTakeTurns) {
  const auto outcome = run(trace_of(row(0, 100, 3, 0) + row(0, 100, 1, 1) + row(10, 100, 2, 0)),
                           cluster_of({{Role::aggregated, 0}, {Role::aggregated, 0}}), "round_robin");
  EXPECT_THAT(told(outcome),
              ElementsAre("0>0 0.000 1.100 2.101 3.102 0", "1>1 0.000 1.100 - 1.100 0", "0>0 10.000 11.036 12.037 12.037 64"));
  EXPECT_THAT(outcome.workers[0].kv_peak, 128);
}

// Decode reserves at once and says so (2 us inside the node, 10 us across), the prompt is computed in chunks of 2,048 tokens;
// only the last chunk's transfer is seen. The second prompt has its hit of 960 tokens sent again with its rest.
TEST(Simulate, APairHandsTheKvOver) {
  const auto outcome = run(trace_of(row(0, 3000, 3, 0) + row(20, 1000, 2, 0)),
                           cluster_of({{Role::prefill, 0}, {Role::decode, 1}}), "round_robin");
  // 0.010 + (1 + 2.048) + (1 + 0.952) = 5.010; 952 tokens take 95.2 us and 10 us on the wire: 5.1152.
  // 20.010 + 1 + 0.040 = 21.050; 1,000 tokens take 100 us and 10 us: 21.160.
  EXPECT_THAT(told(outcome), ElementsAre("0>1 0.000 5.115 6.116 7.117 0", "0>1 20.000 21.160 22.161 22.161 960"));
  const auto same_node = run(trace_of(row(0, 3000, 3, 0)), cluster_of({{Role::prefill, 0}, {Role::decode, 0}}), "round_robin");
  // 0.002 + 3.048 + 1.952 = 5.002; 9.52 us and 2 us: 5.01352.
  EXPECT_THAT(told(same_node), ElementsAre("0>1 0.000 5.014 6.015 7.016 0"));
}

// The step of 3.048 ms carries the whole of its 204.8 us; of the second's 95.2 us one layer in 64 is left: 1.4875 us.
TEST(Simulate, LayerByLayerOnlyTheLastLayerIsLeftAtTheStepsEnd) {
  Cluster cluster = cluster_of({{Role::prefill, 0}, {Role::decode, 1}});
  cluster.layerwise_kv = true;
  const auto outcome = run(trace_of(row(0, 3000, 3, 0)), cluster, "round_robin");
  EXPECT_THAT(told(outcome), ElementsAre("0>1 0.000 5.021 6.022 7.023 0"));
}

// Two prompts of two workers reach the decode worker at once: each has half its link. Alone each takes 100 us.
TEST(Simulate, TransfersToOneWorkerShareItsLink) {
  const auto outcome = run(trace_of(row(0, 1000, 2, 0) + row(0, 1000, 2, 100)),
                           cluster_of({{Role::prefill, 0}, {Role::prefill, 1}, {Role::decode, 2}}), "round_robin");
  // 0.010 + 2.000 + 0.200 + 0.010 = 2.220, then a step of 1.002 for both.
  EXPECT_THAT(told(outcome), ElementsAre("0>2 0.000 2.220 3.222 3.222 0", "1>2 0.000 2.220 3.222 3.222 0"));
}

// Two at a time: the third is due when they end, at 1.200 + 1.002 = 2.202 ms.
TEST(Simulate, NoMoreRequestsAreUnderWayThanTheScheduleAllows) {
  const trace::Trace trace = trace_of(row(0, 100, 2, 0) + row(0, 100, 2, 1) + row(0, 100, 2, 2));
  trace::Schedule schedule = trace::schedule_of(trace, 1.0);
  schedule.in_flight_max = 2;
  const Cluster cluster = cluster_of({{Role::aggregated, 0}});
  route::Router router = router_of(cluster, "round_robin");
  EXPECT_THAT(told(simulate(trace, schedule, cluster, router, {})),
              ElementsAre("0>0 0.000 1.200 2.202 2.202 0", "0>0 0.000 1.200 2.202 2.202 0", "0>0 2.202 3.302 4.303 4.303 0"));
}

TEST(Simulate, ARefusedRequestIsAnErrorAtBothWorkersOfAPair) {
  for (const bool pair : {false, true}) {
    const std::vector<Place> places =
        pair ? std::vector<Place>{{Role::prefill, 0}, {Role::decode, 0}} : std::vector<Place>{{Role::aggregated, 0}};
    const auto outcome = run(trace_of(row(0, 19'999, 2, 0) + row(1, 4'000, 900, 100) + row(2, 100, 1, 0)),
                             cluster_of(places, 4'096), "min_ttft");
    EXPECT_THAT(told(outcome)[0], "0.000 prompt and answer are longer than the context length");
    EXPECT_THAT(told(outcome)[1], "1.000 prompt and answer are larger than the KV of a worker");
    EXPECT_TRUE(outcome.records[2].error.empty());
  }
}

// The prompts of 100 tokens take 1.1 ms each, the answers' next tokens 1.001 ms a step; the second prompt waits for the first.
TEST(Simulate, TellsATimelineWhatWorkersHadToDo) {
  const Cluster cluster = cluster_of({{Role::aggregated, 0}});
  const trace::Trace trace = trace_of(row(0, 2048, 1, 0) + row(1, 100, 2, 100));
  route::Router router = router_of(cluster, "round_robin");
  measure::Timeline timeline(1);
  simulate(trace, trace::schedule_of(trace, 1.0), cluster, router, {}, &timeline);
  std::vector<measure::WorkerLoad> workers(1);
  // Over 5.149 ms: waiting 2.048, prefill 3.048 + 1.1, decode 1.001; 2,112 tokens of KV, then 128 for 2.101.
  EXPECT_THAT(timeline.json(workers, 0), testing::HasSubstr("\"waiting\":[0.39],\"prefill\":[0.8],\"decode\":[0.19],"));
}

// 4,090 tokens of prompt fit the prefill worker (which keeps no answer), prompt and answer do not fit the decode worker.
TEST(Simulate, ARefusalByOneOfAPairEndsTheOthersWork) {
  const auto outcome = run(trace_of(row(0, 4'090, 100, 0) + row(1, 100, 2, 100)),
                           cluster_of({{Role::prefill, 0}, {Role::decode, 0}}, 4'096), "cache_aware");
  EXPECT_THAT(told(outcome)[0], "0.000 prompt and answer are larger than the KV of a worker");
  EXPECT_TRUE(outcome.records[1].end.has_value());
}

TEST(Simulate, ALaterTurnWaitsForTheAnswerBeforeIt) {
  const auto outcome =
      run(trace_of(row(0, 128, 65, 0, R"(, "session_id": "s")") + row(10, 64, 1, 1, R"(, "session_id": "s", "delay": 5)")),
          cluster_of({{Role::aggregated, 0}}), "round_robin");
  // The first answer ends at 1.128 + 64 * 1.001 = 65.192. The next prompt is 128 + 65 + 64 = 257 tokens, of which 192 have KV.
  EXPECT_THAT(told(outcome), ElementsAre("0>0 0.000 1.128 2.129 65.192 0", "0>0 70.192 71.257 - 71.257 192"));
}

// A trace with shared prefixes, bursts and all lengths, in milliseconds of a few seconds.
std::string drawn_trace(std::uint64_t seed, int requests) {
  Random random(seed);
  std::string rows;
  double at_ms = 0;
  for (int i = 0; i < requests; ++i) {
    if (random.below(3) == 0) at_ms += static_cast<double>(random.below(30));
    const Tokens input = 1 + static_cast<Tokens>(random.below(random.below(5) == 0 ? 9000 : 1500));
    const Tokens output = 1 + static_cast<Tokens>(random.below(40));
    rows += row(at_ms, input, output, 1000 * random.below(6));
  }
  return rows;
}

void expect_all_answered(const trace::Trace& trace, const Outcome& outcome) {
  RC_ASSERT(outcome.records.size() == trace.size());
  for (const RequestRecord& r : outcome.records) {
    const auto request = trace.request(r.request);
    RC_ASSERT(r.end.has_value());
    RC_ASSERT(r.scheduled >= request.at);
    if (!r.error.empty()) continue;
    RC_ASSERT(r.output == request.output);
    RC_ASSERT(*r.first_token > r.scheduled);
    RC_ASSERT((*r.end > *r.first_token) == (r.output > 1));
    RC_ASSERT(r.second_token.has_value() == (r.output > 1));
    if (r.second_token) RC_ASSERT((*r.second_token > *r.first_token && *r.second_token <= *r.end));
  }
  for (const WorkerOutcome& worker : outcome.workers) RC_ASSERT(worker.kv_peak <= worker.kv_capacity);
}

// A request hits at most what others brought that were due before its first token; policies may hold requests back.
void expect_hits_below_endless_cache(const trace::Trace& trace, const Outcome& outcome) {
  std::vector<RequestRecord> by_first_token;
  for (const RequestRecord& r : outcome.records) {
    if (r.first_token) by_first_token.push_back(r);
  }
  std::ranges::sort(by_first_token, {}, [](const RequestRecord& r) { return *r.first_token; });
  std::map<PageHash, int> brought;
  std::vector<PageHash> pages;
  std::size_t due = 0;
  for (const RequestRecord& r : by_first_token) {
    for (; due < outcome.records.size() && outcome.records[due].scheduled <= *r.first_token; ++due) {
      trace::pages_of(trace, outcome.records[due].request, 64, pages);
      for (const PageHash page : pages) ++brought[page];
    }
    trace::pages_of(trace, r.request, 64, pages);
    std::size_t known = 0;
    while (known < static_cast<std::size_t>((r.input - 1) / 64) && brought[pages[known]] > 1) ++known;  // it brought one itself
    RC_ASSERT(r.cached <= static_cast<Tokens>(known) * 64);
  }
}

RC_GTEST_PROP(SimulateProperty, EveryRequestEndsOnceUnderEveryPolicy, (std::uint64_t seed, bool pairs, bool small)) {
  const trace::Trace trace = trace_of(drawn_trace(seed, 60));
  const Cluster cluster = cluster_of(pairs ? std::vector<Place>{{Role::prefill, 0}, {Role::prefill, 1}, {Role::decode, 1}}
                                           : std::vector<Place>{{Role::aggregated, 0}, {Role::aggregated, 1}},
                                     small ? 8'000 : 100'000);
  for (const std::string_view policy : route::policy_names()) {
    const Outcome outcome = run(trace, cluster, std::string(policy), seed);
    expect_all_answered(trace, outcome);
    expect_hits_below_endless_cache(trace, outcome);
    RC_ASSERT(told(outcome) == told(run(trace, cluster, std::string(policy), seed)));
  }
}

// Every nanosecond of every latency is booked under one part, and listening changes nothing.
RC_GTEST_PROP(SimulateProperty, PartsAddUpToTheLatencyExactly, (std::uint64_t seed, bool pairs, bool small)) {
  const trace::Trace trace = trace_of(drawn_trace(seed, 60));
  const Cluster cluster = cluster_of(pairs ? std::vector<Place>{{Role::prefill, 0}, {Role::prefill, 1}, {Role::decode, 1}}
                                           : std::vector<Place>{{Role::aggregated, 0}, {Role::aggregated, 1}},
                                     small ? 8'000 : 100'000);
  for (const std::string_view policy : route::policy_names()) {
    route::Router router = router_of(cluster, std::string(policy), seed);
    const Outcome outcome = simulate(trace, trace::schedule_of(trace, 1.0), cluster, router, {}, nullptr, Explain::yes);
    RC_ASSERT(told(outcome) == told(run(trace, cluster, std::string(policy), seed)));
    RC_ASSERT(outcome.explained.size() == outcome.records.size());
    for (std::size_t i = 0; i < outcome.records.size(); ++i) {
      const RequestRecord& r = outcome.records[i];
      const measure::Explanation& e = outcome.explained[i];
      if (!measure::succeeded(r)) continue;
      RC_ASSERT(e.to_first_token.total() == measure::ttft(r));
      RC_ASSERT(e.after.total() == measure::decode_duration(r));
      for (std::size_t p = 0; p < measure::kParts; ++p) {
        const auto part = static_cast<measure::Part>(p);
        RC_ASSERT(e.to_first_token[part].ns >= 0 && e.after[part].ns >= 0);
      }
      RC_ASSERT(e.evicted >= 0 && e.evicted + r.cached < r.input);
      RC_ASSERT(pairs || e.to_first_token[measure::Part::kv_transfer].ns == 0);
    }
  }
}

// In microseconds: to the first token and after it, by part.
std::string parts_us(const measure::TimeParts& parts) {
  std::string text;
  for (std::size_t p = 0; p < measure::kParts; ++p) {
    const Duration part = parts[static_cast<measure::Part>(p)];
    if (part.ns == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", measure::name_of(static_cast<measure::Part>(p)), part.ns / 1000);
  }
  return text;
}

std::vector<std::string> explained(const std::string& rows, const Cluster& cluster) {
  const trace::Trace trace = trace_of(rows);
  route::Router router = router_of(cluster, "round_robin");
  std::vector<std::string> lines;
  for (const auto& e : simulate(trace, trace::schedule_of(trace, 1.0), cluster, router, {}, nullptr, Explain::yes).explained) {
    lines.push_back(parts_us(e.to_first_token) + " | " + parts_us(e.after));
  }
  return lines;
}

// A prompt of 1,000 tokens takes 2 ms. The second comes when the first is at it, the third computes beside the second.
TEST(Simulate, ExplainsQueueOwnAndOthersPrompts) {
  EXPECT_THAT(explained(row(0, 1000, 3, 0) + row(1, 1000, 2, 10) + row(1, 500, 1, 20), cluster_of({{Role::aggregated, 0}})),
              ElementsAre("own_prefill 2000 | others_prefill 2500, decode_batch 2003",
                          "queue 1000, own_prefill 2000, others_prefill 500 | decode_batch 1002",
                          "queue 1000, own_prefill 1500, others_prefill 1000 | "));
}

// 3,000 tokens of KV: the second prompt evicts the first, whose 15 whole pages of 64 are computed again.
TEST(Simulate, ExplainsWhatIsComputedAgain) {
  EXPECT_THAT(
      explained(row(0, 1000, 1, 0) + row(10, 2500, 1, 100) + row(20, 1000, 1, 0), cluster_of({{Role::aggregated, 0}}, 3'000)),
      ElementsAre("own_prefill 2000 | ", "own_prefill 4500 | ", "recompute 1920, own_prefill 80 | "));
}

TEST(Simulate, ExplainsTheHandOverOfAPair) {
  EXPECT_THAT(explained(row(0, 3000, 3, 0), cluster_of({{Role::prefill, 0}, {Role::decode, 1}})),
              ElementsAre("queue 10, own_prefill 5000, kv_transfer 105 | decode_batch 2002"));
}

TEST(Simulate, ADrawMovesTheEngineAndNotWhatPoliciesKnow) {
  const trace::Trace trace = trace_of(row(0, 1000, 3, 0));
  Cluster cluster = cluster_of({{Role::aggregated, 0}});
  auto unsure = std::make_shared<cost::Model>(*cluster.models.front());
  unsure->relative_sd = 0.05;
  cluster.models.front() = unsure;
  cluster.workers.front().model = unsure.get();
  const auto fitted = told(run(trace, cluster, "round_robin"));
  draw_step_times(cluster, 3);
  const auto drawn = told(run(trace, cluster, "round_robin"));
  EXPECT_NE(drawn, fitted);
  EXPECT_EQ(cluster.workers.front().model->step_time.coefficients().step, 1'000'000 * cost::kTicksPerNs);
  draw_step_times(cluster, 3);
  EXPECT_EQ(told(run(trace, cluster, "round_robin")), drawn);
}

// The second prompt finds 960 of its 1,000 tokens in the cache; only what it computes itself costs attention, drawn or not.
TEST(Simulate, ADrawLeavesPrefixAttentionOutWhereItWasLeftOut) {
  cost::Coefficients c;
  c.step = 1'000'000 * cost::kTicksPerNs;
  c.attention_pair = cost::kTicksPerNs;
  const cost::StepTime fitted = cost::StepTime(c).without_prefix_attention();
  cost::StepLoad load;
  cost::StepTime::add_chunk(load, 960, 40);
  EXPECT_EQ(fitted.with(c).of(load), fitted.of(load));
  EXPECT_NE(cost::StepTime(c).of(load), fitted.of(load));
}

TEST(Simulate, TheSeedDecidesWhatIsDrawn) {
  const trace::Trace trace = trace_of(drawn_trace(7, 60));
  const Cluster cluster = cluster_of({{Role::aggregated, 0}, {Role::aggregated, 1}});
  EXPECT_EQ(told(run(trace, cluster, "random", 1)), told(run(trace, cluster, "random", 1)));
  EXPECT_NE(told(run(trace, cluster, "random", 1)), told(run(trace, cluster, "random", 2)));
}

}  // namespace
}  // namespace infbench::simulate
