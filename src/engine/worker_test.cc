#include "engine/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/worker_for_test.h"

namespace infbench::engine {
namespace {

using test::arrive;
using test::drive;
using test::Input;
using test::ms;
using test::request;
using test::Scenario;
using test::submit_at;
using test::text;
using test::Timeline;
using ::testing::ElementsAre;

constexpr WorkerConfig kAggregated{
    .role = Role::aggregated, .kv_capacity = 100'000, .page = 64, .chunk = 8192, .context_length = 50'000};

WorkerConfig config(Role role, Tokens kv_capacity = 100'000) {
  WorkerConfig c = kAggregated;
  c.role = role;
  c.kv_capacity = kv_capacity;
  return c;
}

// Each golden timeline is one rule of the scheduler. A step takes 1 ms + 1 us for each token computed.
std::vector<Scenario> scenarios() {
  return {
      {"OneRequest: its prompt, then a token a step",
       kAggregated,
       {arrive(0, 1, 100, 3, 1)},
       {"1.100 first 1 cached 0", "3.102 end 1"}},
      {"OneToken: the answer ends with the prompt",
       kAggregated,
       {arrive(0, 1, 100, 1, 1)},
       {"1.100 first 1 cached 0", "1.100 end 1"}},
      {"Packing: what came together is computed together, then decoded together",
       kAggregated,
       {arrive(0, 1, 100, 2, 1), arrive(0, 2, 200, 3, 2)},
       {"1.300 first 1 cached 0", "1.300 first 2 cached 0", "2.302 end 1", "3.303 end 2"}},
      // The decode step that ends at 2.101 is under way when 2 comes; then 2's prompt goes first and 1 waits.
      {"PromptsFirst: at the next step's end",
       kAggregated,
       {arrive(0, 1, 100, 3, 1), arrive(1.5, 2, 500, 2, 2)},
       {"1.100 first 1 cached 0", "3.601 first 2 cached 0", "4.603 end 1", "4.603 end 2"}},
      {"AtAStepsEnd: what comes at that very moment is in the next batch",
       kAggregated,
       {arrive(0, 1, 100, 2, 1), arrive(1.1, 2, 400, 1, 2)},
       {"1.100 first 1 cached 0", "2.500 first 2 cached 0", "2.500 end 2", "3.501 end 1"}},
      // 20,000 = 8,192 + 8,192 + 3,616: steps of 9.192, 9.192, and with 2's 300 tokens 4.916 ms.
      {"Chunks: a long prompt is cut, the last part shares its step with the next prompt",
       kAggregated,
       {arrive(0, 1, 20'000, 1, 1), arrive(0, 2, 300, 1, 2)},
       {"23.300 first 1 cached 0", "23.300 end 1", "23.300 first 2 cached 0", "23.300 end 2"}},
      // Budget left beside the 8,000 of 1 (8,000 = 125 pages): 192 tokens of 2, then its other 808.
      {"CutToFill: the prompt that does not fit is cut to whole pages",
       kAggregated,
       {arrive(0, 1, 8000, 1, 1), arrive(0, 2, 1000, 1, 2)},
       {"9.192 first 1 cached 0", "9.192 end 1", "11.000 first 2 cached 0", "11.000 end 2"}},
      // 640 tokens = 10 pages; the tenth must be computed again to have something to sample from.
      {"PrefixHit: all but the last page",
       kAggregated,
       {arrive(0, 1, 640, 1, 1), arrive(5, 2, 640, 1, 1)},
       {"1.640 first 1 cached 0", "1.640 end 1", "6.064 first 2 cached 576", "6.064 end 2"}},
      // Of 600 tokens 9 whole pages are kept; the partial tenth is never shared.
      {"PartialPages: never shared",
       kAggregated,
       {arrive(0, 1, 600, 1, 1), arrive(5, 2, 1000, 1, 1)},
       {"1.600 first 1 cached 0", "1.600 end 1", "6.424 first 2 cached 576", "6.424 end 2"}},
      // The answer's pages stay: a next turn that begins with prompt and answer (128 tokens with KV of 100 + 29) finds both.
      {"AnswersKept: a next turn finds the answer",
       kAggregated,
       {arrive(0, 1, 100, 29, 1), arrive(50, 2, 300, 1, 1)},
       {"1.100 first 1 cached 0", "29.128 end 1", "51.172 first 2 cached 128", "51.172 end 2"}},
      {"Refused: above the context length, above all KV; at once, in the middle of a step",
       config(Role::aggregated, 30'000),
       {arrive(0, 1, 100, 2, 1), arrive(1.5, 2, 49'999, 2, 2), arrive(1.5, 3, 29'900, 200, 3)},
       {"1.100 first 1 cached 0", "1.500 refused 2 context", "1.500 refused 3 kv", "2.101 end 1"}},
      // 1 has set aside 8 of 10 pages. 2 needs 5 and waits; 3 needs 1 and waits behind it; 1's pages go when it ends.
      {"WaitForRoom: the head of the queue waits, nobody passes it",
       config(Role::aggregated, 640),
       {arrive(0, 1, 500, 3, 1), arrive(1.2, 2, 300, 2, 2), arrive(1.2, 3, 50, 2, 3)},
       {"1.500 first 1 cached 0", "3.502 end 1", "4.852 first 2 cached 0", "4.852 first 3 cached 0", "5.854 end 2",
        "5.854 end 3"}},
  };
}

TEST(Worker, GoldenTimelines) { test::expect_timelines(scenarios()); }

TEST(Worker, EvictsTheOldestPrefixForANewPrompt) {
  const cost::StepTime times = test::round_times();
  Worker worker(config(Role::aggregated, 1280), times);  // 20 pages
  Timeline timeline;
  // 1 and 2 leave 8 pages each. 3 needs 8: the oldest leaf, 1's, goes. 2 is still there, 1 is not.
  drive(worker, timeline,
        {arrive(0, 1, 512, 1, 1), arrive(10, 2, 512, 1, 2), arrive(20, 3, 512, 1, 3), arrive(30, 4, 512, 1, 2),
         arrive(40, 5, 512, 1, 1)});
  EXPECT_THAT(timeline.lines, ElementsAre("1.512 first 1 cached 0", "1.512 end 1", "11.512 first 2 cached 0", "11.512 end 2",
                                          "21.512 first 3 cached 0", "21.512 end 3", "31.064 first 4 cached 448",
                                          "31.064 end 4", "41.512 first 5 cached 0", "41.512 end 5"));
}

TEST(Worker, PrefillSideWaitsForRoomAndSendsEachChunk) {
  const cost::StepTime times = test::round_times();
  Worker worker(config(Role::prefill), times);
  Timeline timeline;
  const auto give = [](std::uint64_t id, Tokens input) {
    return submit_at(ms(0), request(id, input, 10, Stage::prefill), text(id, input + 10));
  };
  const auto room = [](double at, std::uint64_t id) { return Input{ms(at), [=](Worker& w) { w.room_ready({id}, ms(at)); }}; };
  const auto sent = [](double at, std::uint64_t id) { return Input{ms(at), [=](Worker& w) { w.kv_sent({id}, ms(at)); }}; };
  drive(worker, timeline, {give(1, 10'000), give(2, 100), room(2, 2), room(5, 1), sent(30, 2), sent(31, 1)});
  EXPECT_THAT(timeline.lines, ElementsAre("3.100 kv 2 0-100 last", "3.100 first 2 cached 0", "14.192 kv 1 0-8192",
                                          "17.000 kv 1 8192-10000 last", "17.000 first 1 cached 0"));
  EXPECT_TRUE(worker.idle());
}

TEST(Worker, PrefillSideSendsHitsWithTheFirstChunkAndPinsUntilSent) {
  const cost::StepTime times = test::round_times();
  Worker worker(config(Role::prefill, 1216), times);  // 19 pages
  Timeline timeline;
  const auto give = [](double at, std::uint64_t id, std::uint64_t name) {
    return Input{ms(at), [=](Worker& w) {
                   EngineRequest r = request(id, 640, 1, Stage::prefill);
                   const auto pages = text(name, 640);
                   r.pages = pages;
                   w.submit(r, ms(at));
                   w.settle(ms(at), *std::make_unique<Timeline>());
                   w.room_ready({id}, ms(at));
                 }};
  };
  // 2 hits 1's pages, which go with its first and only chunk. 3 needs ten of 19 pages while 1 and 2
  // share ten: it waits until both are sent.
  drive(worker, timeline,
        {give(0, 1, 1),
         give(5, 2, 1),
         give(10, 3, 3),
         {ms(20), [](Worker& w) { w.kv_sent({1}, ms(20)); }},
         {ms(25), [](Worker& w) { w.kv_sent({2}, ms(25)); }},
         {ms(40), [](Worker& w) { w.kv_sent({3}, ms(40)); }}});
  EXPECT_THAT(timeline.lines, ElementsAre("1.640 kv 1 0-640 last", "1.640 first 1 cached 0", "6.064 kv 2 0-640 last",
                                          "6.064 first 2 cached 576", "26.640 kv 3 0-640 last", "26.640 first 3 cached 0"));
}

TEST(Worker, DecodeSideReservesThenEmitsTheFirstTokenBetweenTwoSteps) {
  const cost::StepTime times = test::round_times();
  Worker worker(config(Role::decode, 1280), times);  // 20 pages
  Timeline timeline;
  const auto give = [](double at, std::uint64_t id, Tokens input, Tokens output) {
    return submit_at(ms(at), request(id, input, output, Stage::decode), {});
  };
  const auto arrived = [](double at, std::uint64_t id) {
    return Input{ms(at), [=](Worker& w) { w.kv_arrived({id}, ms(at)); }};
  };
  // 1 sets 10 pages aside, 2 five; 3 needs ten and has to wait for 1's. 2's KV comes in the middle of a step of 1.
  drive(worker, timeline,
        {give(0, 1, 600, 4), give(0, 2, 300, 1), give(0, 3, 600, 2), arrived(5, 1), arrived(5.5, 2), arrived(9, 3)});
  EXPECT_THAT(timeline.lines,
              ElementsAre("0.000 reserved 1", "0.000 reserved 2", "5.000 first 1 cached 0", "6.001 first 2 cached 0",
                          "6.001 end 2", "6.001 reserved 3", "8.003 end 1", "9.000 first 3 cached 0", "10.001 end 3"));
  EXPECT_TRUE(worker.idle());
}

TEST(Worker, CancelTakesEffectAtTheStepsEndAndGivesEverythingBack) {
  const cost::StepTime times = test::round_times();
  const auto cancel = [](double at, std::uint64_t id) { return Input{ms(at), [=](Worker& w) { w.cancel({id}, ms(at)); }}; };
  struct Case {
    const char* when;
    std::vector<Input> inputs;
    std::vector<std::string> timeline;
  };
  const std::vector<Case> cases{
      {"before it began",
       {arrive(0, 1, 100, 2, 1), arrive(0.5, 2, 100, 2, 2), cancel(0.7, 2)},
       {"1.100 first 1 cached 0", "2.101 end 1"}},
      {"at once", {arrive(0, 1, 100, 2, 1), cancel(0, 1)}, {}},
      {"while its prompt is computed",
       {arrive(0, 1, 20'000, 2, 1), cancel(3, 1), arrive(4, 2, 100, 1, 2)},
       {"10.292 first 2 cached 0", "10.292 end 2"}},
      {"while it decodes",
       {arrive(0, 1, 100, 50, 1), arrive(0, 2, 100, 4, 2), cancel(1.5, 1)},
       {"1.200 first 1 cached 0", "1.200 first 2 cached 0", "4.204 end 2"}},
      {"unknown", {arrive(0, 1, 100, 1, 1), cancel(0.5, 99)}, {"1.100 first 1 cached 0", "1.100 end 1"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.when);
    Worker worker(kAggregated, times);
    Timeline timeline;
    drive(worker, timeline, c.inputs);
    EXPECT_EQ(timeline.lines, c.timeline);
    EXPECT_TRUE(worker.idle());
    EXPECT_EQ(worker.kv().in_use(), 0);
  }
}

}  // namespace
}  // namespace infbench::engine
