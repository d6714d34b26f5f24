#include "cost/step_time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <vector>

#include "cost/decimal.h"

namespace infbench::cost {
namespace {

// Prime-ish numbers, and knees low enough that random steps lie on both sides of them.
Coefficients some_coefficients() {
  return {.step = 8'600'003 * kTicksPerNs + 17,
          .prompt_step = 4'200'000 * kTicksPerNs + 5,
          .decode_step = 1'500'000 * kTicksPerNs + 3,
          .token = 14'700 * kTicksPerNs + 11,
          .token_beyond = {27'970 * kTicksPerNs + 1, 12'800 * kTicksPerNs, 333 * kTicksPerNs},
          .wave = 9'357'000 * kTicksPerNs,
          .kv_token = 29 * kTicksPerNs + 40'001,
          .kv_token_below_knee = 4 * kTicksPerNs + 12'345,
          .attention_pair = 112'197,
          .token_knees = {128, 2048, 3072},
          .wave_knee = 1024,
          .kv_knee = 49152};
}

const StepTime& some_step_time() {
  static const StepTime step_time(some_coefficients());
  return step_time;
}

struct Chunk {
  Tokens prefix;
  Tokens fresh;
};

StepLoad load_of(const std::vector<Chunk>& chunks, const std::vector<Tokens>& contexts) {
  StepLoad load;
  for (const Chunk& chunk : chunks) StepTime::add_chunk(load, chunk.prefix, chunk.fresh);
  for (const Tokens context : contexts) StepTime::add_decode(load, context);
  return load;
}

Ticks time_of(const std::vector<Chunk>& chunks, const std::vector<Tokens>& contexts) {
  return some_step_time().of(load_of(chunks, contexts));
}

// Mostly small enough to lie near the knees.
rc::Gen<Tokens> tokens() {
  return rc::gen::weightedOneOf<Tokens>({{3, rc::gen::inRange<Tokens>(1, 5000)}, {1, rc::gen::inRange<Tokens>(1, 200'000)}});
}

std::vector<Chunk> some_chunks() {
  std::vector<Chunk> chunks;
  const int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) chunks.push_back({*tokens() - 1, *tokens()});
  return chunks;
}

TEST(StepTime, AddsUpTheTermsOfTheFormula) {
  const Coefficients c = some_coefficients();
  EXPECT_EQ(time_of({}, {}), 0);
  // Below every knee: 100 tokens, each attending to 50 cached ones and to itself and those before it.
  EXPECT_EQ(time_of({{50, 100}}, {}), c.step + c.prompt_step + 100 * c.token + c.attention_pair * (100 * 50 + 100 * 101 / 2));
  EXPECT_EQ(time_of({}, {7, 9}), c.step + c.decode_step + 2 * c.token + 16 * (c.kv_token + c.kv_token_below_knee));
  // Beyond all of them.
  EXPECT_EQ(time_of({{0, 4000}}, {60'000}), c.step + c.prompt_step + c.decode_step + 4001 * c.token + 3873 * c.token_beyond[0] +
                                                1953 * c.token_beyond[1] + 929 * c.token_beyond[2] + c.wave +
                                                c.attention_pair * (4000 * 4001 / 2) + 60'000 * c.kv_token +
                                                49'152 * c.kv_token_below_knee);
}

TEST(StepTime, BendsAtItsKneesOnly) {
  const Coefficients c = some_coefficients();
  const auto grows_by = [](Tokens tokens) {  // the pairs of one more token taken away
    return time_of({{0, tokens + 1}}, {}) - time_of({{0, tokens}}, {}) - some_coefficients().attention_pair * (tokens + 1);
  };
  EXPECT_EQ(grows_by(127), c.token);
  EXPECT_EQ(grows_by(128), c.token + c.token_beyond[0]);
  EXPECT_EQ(grows_by(1023), c.token + c.token_beyond[0]);
  EXPECT_EQ(grows_by(1024), c.token + c.token_beyond[0] + c.wave);
  EXPECT_EQ(grows_by(1025), c.token + c.token_beyond[0]);
  EXPECT_EQ(time_of({}, {49'152}) - time_of({}, {49'151}), c.kv_token + c.kv_token_below_knee);
  EXPECT_EQ(time_of({}, {49'153}) - time_of({}, {49'152}), c.kv_token);
}

TEST(StepTime, AnUnevenBatchCostsMoreThanAnEvenOne) {
  EXPECT_GT(time_of({{0, 60'000}, {0, 1'000}}, {}), time_of({{0, 30'500}, {0, 30'500}}, {}));
}

TEST(StepTime, DoesNotOverflow) {
  constexpr Tokens kContext = 10'000'000;
  StepLoad decodes;
  for (int i = 0; i < 4096; ++i) StepTime::add_decode(decodes, kContext);
  const Coefficients c = some_coefficients();
  const StepTime& step_time = some_step_time();
  EXPECT_EQ(step_time.of(decodes), c.step + c.decode_step + 4096 * c.token + (4096 - 128) * c.token_beyond[0] +
                                       (4096 - 2048) * c.token_beyond[1] + (4096 - 3072) * c.token_beyond[2] + c.wave +
                                       4096 * kContext * c.kv_token + 49'152 * c.kv_token_below_knee);
  StepLoad chunks;
  StepTime::add_chunk(chunks, kContext - 16'384, 16'384);
  EXPECT_LT(step_time.of(chunks), 400 * std::int64_t{1'000'000'000} * kTicksPerNs);
  EXPECT_GT(step_time.of(chunks), 100 * std::int64_t{1'000'000'000} * kTicksPerNs);
  // What does not fit is as long as can be, never negative.
  for (int i = 0; i < 4095; ++i) StepTime::add_chunk(chunks, 0, kContext);
  EXPECT_EQ(step_time.of(chunks), std::numeric_limits<Ticks>::max());
  EXPECT_EQ(step_time.decode_sum(4096, 4096 * kContext, std::int64_t{1} << 60), std::numeric_limits<Ticks>::max());
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::int64_t steps = step_time.decode_steps_within(4096, 0, most, most);
  EXPECT_LE(step_time.decode_sum(4096, 0, steps), most);
  EXPECT_EQ(step_time.decode_sum(4096, 0, steps + 1), most);
}

RC_GTEST_PROP(StepTime, NeverFallsWhenAnythingGrows, ()) {
  std::vector<Chunk> chunks = some_chunks();
  std::vector<Tokens> contexts = *rc::gen::container<std::vector<Tokens>>(tokens());
  const Ticks before = time_of(chunks, contexts);
  switch (*rc::gen::inRange(0, 5)) {
    case 0: contexts.push_back(*tokens()); break;
    case 1: chunks.push_back({*tokens() - 1, *tokens()}); break;
    case 2:
      RC_PRE(!contexts.empty());
      contexts.back() += *tokens();
      break;
    case 3:
      RC_PRE(!chunks.empty());
      chunks.back().prefix += *tokens();
      break;
    default:
      RC_PRE(!chunks.empty());
      chunks.back().fresh += *tokens();
      break;
  }
  RC_ASSERT(time_of(chunks, contexts) > before);
}

RC_GTEST_PROP(StepTime, CuttingAPromptIntoChunksConservesItsAttention, ()) {
  const Tokens prefix = *rc::gen::inRange<Tokens>(0, 10'000'000);
  const Tokens fresh = *rc::gen::inRange<Tokens>(1, 10'000'000);
  const StepLoad whole = load_of({{prefix, fresh}}, {});
  StepLoad parts;
  for (Tokens done = 0; done < fresh;) {
    const Tokens part = *rc::gen::inRange<Tokens>(1, fresh - done + 1);
    StepTime::add_chunk(parts, prefix + done, part);
    done += part;
  }
  RC_ASSERT(parts.twice_pairs == whole.twice_pairs);
  RC_ASSERT(parts.new_tokens == whole.new_tokens);
}

RC_GTEST_PROP(StepTime, IsTheSumOverTheRequestsInAnyOrder, ()) {
  const std::vector<Chunk> chunks = some_chunks();
  const std::vector<Tokens> contexts = *rc::gen::container<std::vector<Tokens>>(tokens());
  StepLoad backwards;
  for (auto context = contexts.rbegin(); context != contexts.rend(); ++context) StepTime::add_decode(backwards, *context);
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk)
    StepTime::add_chunk(backwards, chunk->prefix, chunk->fresh);
  RC_ASSERT(some_step_time().of(backwards) == time_of(chunks, contexts));
}

// Step by step, as an engine without a closed form would.
Ticks summed(int sequences, Tokens context, std::int64_t steps) {
  Ticks total = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    const StepLoad load{
        .chunks = 0, .new_tokens = 0, .twice_pairs = 0, .decodes = sequences, .decode_context = context + step * sequences};
    total += some_step_time().of(load);
  }
  return total;
}

RC_GTEST_PROP(StepTime, DecodeSumIsTheSumOfTheSteps, ()) {
  const int sequences = *rc::gen::inRange(1, 300);
  const Tokens context = *rc::gen::inRange<Tokens>(0, 80'000);
  const std::int64_t steps = *rc::gen::inRange<std::int64_t>(0, 1000);
  RC_ASSERT(some_step_time().decode_sum(sequences, context, steps) == summed(sequences, context, steps));
  const std::int64_t first = steps > 0 ? *rc::gen::inRange<std::int64_t>(0, steps) : 0;
  RC_ASSERT(some_step_time().decode_sum(sequences, context, first) +
                some_step_time().decode_sum(sequences, context + first * sequences, steps - first) ==
            some_step_time().decode_sum(sequences, context, steps));
}

RC_GTEST_PROP(StepTime, DecodeStepsWithinIsTheInverseOfDecodeSum, ()) {
  const StepTime& step_time = some_step_time();
  const int sequences = *rc::gen::inRange(1, 300);
  const Tokens context = *rc::gen::inRange<Tokens>(0, 80'000);
  const std::int64_t steps = *rc::gen::inRange<std::int64_t>(0, 5000);
  const Ticks exact = step_time.decode_sum(sequences, context, steps);
  RC_ASSERT(step_time.decode_steps_within(sequences, context, 10'000, exact) == steps);
  RC_ASSERT(step_time.decode_steps_within(sequences, context, steps, exact + 1'000'000'000'000) == steps);
  if (steps > 0) RC_ASSERT(step_time.decode_steps_within(sequences, context, 10'000, exact - 1) == steps - 1);
  const Ticks budget = *rc::gen::inRange<Ticks>(0, exact + 2);
  const std::int64_t within = step_time.decode_steps_within(sequences, context, 10'000, budget);
  RC_ASSERT(step_time.decode_sum(sequences, context, within) <= budget);
  RC_ASSERT(step_time.decode_sum(sequences, context, within + 1) > budget);
}

TEST(StepTime, DecodeStepsWithinTakesNoStepWithoutBudget) {
  EXPECT_EQ(some_step_time().decode_steps_within(1, 0, 10, -1), 0);
  EXPECT_EQ(some_step_time().decode_steps_within(1, 0, 10, 0), 0);
  EXPECT_EQ(some_step_time().decode_steps_within(1, 0, 0, 1'000'000'000'000), 0);
}

RC_GTEST_PROP(StepTime, PrefillIsTheSumOfItsChunks, ()) {
  const Tokens cached = *rc::gen::inRange<Tokens>(0, 20'000);
  const Tokens input = cached + *rc::gen::inRange<Tokens>(0, 50'000);
  const Tokens chunk = *rc::gen::inRange<Tokens>(512, 16'384);
  Ticks total = 0;
  for (Tokens done = cached; done < input; done += chunk) total += time_of({{done, std::min(chunk, input - done)}}, {});
  RC_ASSERT(some_step_time().prefill(cached, input, chunk) == total);
}

TEST(ParseFixed, ReadsPlainDecimalsExactly) {
  EXPECT_EQ(parse_fixed("0", 16), 0);
  EXPECT_EQ(parse_fixed("12.5", 16), 12 * 65536 + 32768);
  EXPECT_EQ(parse_fixed("999999999999", 0), 999'999'999'999);
  EXPECT_EQ(parse_fixed("0.5", 0), 1);  // halves up
  EXPECT_EQ(parse_fixed("0.499999999999999999", 0), 0);
  EXPECT_EQ(parse_fixed("1.691802768", 16), 110'874);  // 110,873.9862
  EXPECT_EQ(parse_fixed("0.999999999999999999", 20), 1 << 20);
  for (const std::string_view bad :
       {"", ".", "1.", ".5", "-1", "+1", "1e3", " 1", "1 ", "0x1", "nan", "1.2.3", "1234567890123", "0.1234567890123456789"}) {
    EXPECT_EQ(parse_fixed(bad, 16), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace infbench::cost
