// The rules of the two schedulers, each by a small golden timeline. What they have in common is in worker_test.cc.
#include <gtest/gtest.h>

#include "engine/worker.h"
#include "engine/worker_for_test.h"

namespace infbench::engine {
namespace {

using test::arrive;
using test::Scenario;

WorkerConfig sglang() {
  return {.role = Role::aggregated, .kv_capacity = 100'000, .page = 64, .chunk = 8192, .context_length = 50'000};
}

// Nothing is kept free for what the running requests still ask for.
WorkerConfig daring() {
  WorkerConfig config = sglang();
  config.kv_capacity = 640;
  config.conservativeness = 0;
  return config;
}

WorkerConfig careful() {
  WorkerConfig config = daring();
  config.conservativeness = 1;
  return config;
}

template <typename Change>
WorkerConfig with(WorkerConfig config, Change change) {
  change(config);
  return config;
}

std::vector<Scenario> of_sglang() {
  return {
      {"MaxRunningRequests: one after the other",
       with(sglang(), [](WorkerConfig& c) { c.running_max = 1; }),
       {arrive(0, 1, 100, 2, 1), arrive(0, 2, 200, 2, 2)},
       {"1.100 first 1 cached 0", "2.101 end 1", "3.301 first 2 cached 0", "4.302 end 2"}},
      // Of 300 tokens 1 takes 256 in whole pages; 2 would pass them and waits, as 3 does behind it. 2 leaves 44, too few for 3.
      {"MaxPrefillTokens: bounds a batch of prompts that are not cut",
       with(sglang(), [](WorkerConfig& c) { c.chunk = 50'000, c.prompts_max = 300; }),
       {arrive(0, 1, 200, 1, 1), arrive(0, 2, 200, 1, 2), arrive(0, 3, 50, 1, 3)},
       {"1.200 first 1 cached 0", "1.200 end 1", "2.400 first 2 cached 0", "2.400 end 2", "3.450 first 3 cached 0",
        "3.450 end 3"}},
      // 2 would be cut to the 64 tokens that 1 leaves; its 250 are more than what 1 leaves of 400, so it waits for the next
      // batch.
      {"MaxPrefillTokens: a prompt that would be cut waits all the same",
       with(sglang(), [](WorkerConfig& c) { c.chunk = 256, c.prompts_max = 400; }),
       {arrive(0, 1, 192, 1, 1), arrive(0, 2, 250, 1, 2)},
       {"1.192 first 1 cached 0", "1.192 end 1", "2.442 first 2 cached 0", "2.442 end 2"}},
      {"LongestPrefixFirst: 3 has two pages in the cache and passes 2",
       with(sglang(), [](WorkerConfig& c) { c.running_max = 1, c.order = QueueOrder::longest_prefix; }),
       {arrive(0, 1, 128, 1, 1), arrive(5, 2, 500, 1, 2), arrive(5, 3, 192, 1, 1)},
       {"1.128 first 1 cached 0", "1.128 end 1", "6.064 first 3 cached 128", "6.064 end 3", "7.564 first 2 cached 0",
        "7.564 end 2"}},
      {"LongestAnswerFirst",
       with(sglang(), [](WorkerConfig& c) { c.running_max = 1, c.order = QueueOrder::longest_answer; }),
       {arrive(0, 1, 100, 1, 1), arrive(0, 2, 100, 3, 2)},
       {"1.100 first 2 cached 0", "3.102 end 2", "4.202 first 1 cached 0", "4.202 end 1"}},
      // The step that ends at 2.301 computes 200 tokens of 2 and a token of 1.
      {"MixedChunk: 1 goes on beside the prompt of 2",
       with(sglang(), [](WorkerConfig& c) { c.mixed_chunks = true; }),
       {arrive(0, 1, 100, 4, 1), arrive(1.05, 2, 200, 2, 2)},
       {"1.100 first 1 cached 0", "2.301 first 2 cached 0", "3.303 end 2", "4.304 end 1"}},
      {"DisableRadixCache: nothing is found again",
       with(sglang(), [](WorkerConfig& c) { c.keep_prefixes = false; }),
       {arrive(0, 1, 640, 1, 1), arrive(5, 2, 640, 1, 1)},
       {"1.640 first 1 cached 0", "1.640 end 1", "6.640 first 2 cached 0", "6.640 end 2"}},
      // Ten pages. Both have four, then five each, which are full after 70 steps of 1.002 from 2.490 on. Both have 71 tokens, 1
      // has the longer prompt: it is retracted. 2 has its 80th token 9 steps later; 1's 321 tokens less three pages that stayed
      // are computed in 1.129 ms, 28 more steps follow.
      {"Retraction: of those with the fewest tokens the longest prompt",
       daring(),
       {arrive(0, 1, 250, 100, 1), arrive(1.2, 2, 240, 80, 2)},
       {"1.250 first 1 cached 0", "2.490 first 2 cached 0", "81.639 end 2", "110.796 end 1"}},
      // 0.7 of the 99 tokens to come and 2's own 320 take two pages and five: more than six.
      {"Conservativeness: room is kept for answers, and a full batch is full until one ends",
       careful(),
       {arrive(0, 1, 250, 100, 1), arrive(1.2, 2, 240, 80, 2)},
       {"1.250 first 1 cached 0", "100.349 end 1", "101.589 first 2 cached 0", "180.668 end 2"}},
  };
}

WorkerConfig vllm() {
  return {.role = Role::aggregated,
          .kv_capacity = 100'000,
          .page = 16,
          .chunk = 300,
          .context_length = 50'000,
          .scheduler = Scheduler::vllm};
}

std::vector<Scenario> of_vllm() {
  return {
      // Steps of 299 + 1, then 201 + 1 tokens.
      {"DecodesFirst: prompts get the rest of the budget",
       vllm(),
       {arrive(0, 1, 100, 4, 1, 16), arrive(0.5, 2, 500, 2, 2, 16)},
       {"1.100 first 1 cached 0", "3.602 first 2 cached 0", "4.604 end 1", "4.604 end 2"}},
      // 1 takes 200, 2 the other 100 and its last 50 in the next step, 3 what that one has left.
      {"CutToFill: to the token",
       vllm(),
       {arrive(0, 1, 200, 1, 1, 16), arrive(0, 2, 150, 1, 2, 16), arrive(0, 3, 250, 1, 3, 16)},
       {"1.300 first 1 cached 0", "1.300 end 1", "2.600 first 2 cached 0", "2.600 end 2", "2.600 first 3 cached 0",
        "2.600 end 3"}},
      {"MaxNumSeqs: one after the other",
       with(vllm(), [](WorkerConfig& c) { c.running_max = 1; }),
       {arrive(0, 1, 100, 2, 1, 16), arrive(0, 2, 100, 1, 2, 16)},
       {"1.100 first 1 cached 0", "2.101 end 1", "3.201 first 2 cached 0", "3.201 end 2"}},
      {"BlocksAreSharedInTheSameStep",
       vllm(),
       {arrive(0, 1, 160, 1, 1, 16), arrive(0, 2, 160, 1, 1, 16)},
       {"1.176 first 1 cached 0", "1.176 end 1", "1.176 first 2 cached 144", "1.176 end 2"}},
      // Ten blocks, five each after 20 steps of 1.002. 2 was admitted last and is preempted; of its five blocks 1 takes two.
      // When
      // 1 has its 40 tokens, 2 computes 33 of its 81 again and goes on with its 22nd.
      {"Preemption: the one that was admitted last, to be computed again",
       with(vllm(), [](WorkerConfig& c) { c.kv_capacity = 160; }),
       {arrive(0, 1, 60, 40, 1, 16), arrive(0, 2, 60, 40, 2, 16)},
       {"1.120 first 1 cached 0", "1.120 first 2 cached 0", "40.179 end 1", "59.230 end 2"}},
      {"Gap: the host's time before each step",
       with(vllm(), [](WorkerConfig& c) { c.gap = microseconds(1000), c.gap_per_request = microseconds(100); }),
       {arrive(0, 1, 100, 3, 1, 16)},
       {"2.200 first 1 cached 0", "6.402 end 1"}},
  };
}

TEST(Schedulers, GoldenTimelinesOfSglang) { test::expect_timelines(of_sglang()); }
TEST(Schedulers, GoldenTimelinesOfVllm) { test::expect_timelines(of_vllm()); }

// Who is retracted or preempted has all its tokens in the end, each once.
TEST(Schedulers, NoTokenIsLostOrToldTwice) {
  const cost::StepTime times = test::round_times();
  for (const WorkerConfig& config : {daring(), with(vllm(), [](WorkerConfig& c) { c.kv_capacity = 640; })}) {
    Worker worker(config, times);
    test::Timeline timeline;
    test::drive(worker, timeline,
                {arrive(0, 1, 250, 100, 1, config.page), arrive(1.3, 2, 240, 80, 2, config.page),
                 arrive(2.6, 3, 100, 90, 3, config.page)});
    EXPECT_EQ(timeline.tokens, (std::map<std::uint64_t, std::int64_t>{{1, 100}, {2, 80}, {3, 90}}));
    EXPECT_EQ(timeline.ends, (std::map<std::uint64_t, int>{{1, 1}, {2, 1}, {3, 1}}));
  }
}

}  // namespace
}  // namespace infbench::engine
