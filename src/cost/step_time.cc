#include "cost/step_time.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace infbench::cost {
namespace {

__extension__ using Wide = __int128;  // no sum of one step overflows it

constexpr Wide kLongest = std::numeric_limits<Ticks>::max();

Ticks narrow(Wide time) { return static_cast<Ticks>(std::min(time, kLongest)); }

// What does not grow with the KV read or the attention computed: `tokens` > 0.
Wide fixed_and_tokens(const Coefficients& c, Tokens tokens) {
  Wide time = c.step + static_cast<Wide>(c.token) * tokens;
  for (std::size_t i = 0; i < c.token_knees.size(); ++i) {
    time += static_cast<Wide>(c.token_beyond[i]) * std::max<Tokens>(0, tokens - c.token_knees[i]);
  }
  if (tokens > c.wave_knee) time += c.wave;
  return time;
}

Wide kv_read(const Coefficients& c, Tokens context) {
  return static_cast<Wide>(c.kv_token) * context + static_cast<Wide>(c.kv_token_below_knee) * std::min(context, c.kv_knee);
}

// Steps of a decode batch that cost first, first + rise, first + 2 rise, ...
struct Run {
  Wide first = 0;
  Wide rise = 0;
  std::int64_t steps = 0;

  // The first `n` of them together, or the largest Wide.
  Wide sum(std::int64_t n) const {
    constexpr Wide kMost = ~(static_cast<Wide>(1) << 127);
    const Wide rises = static_cast<Wide>(n) * (n - 1) / 2;
    Wide level = 0;
    Wide slope = 0;
    Wide total = 0;
    if (__builtin_mul_overflow(first, static_cast<Wide>(n), &level) || __builtin_mul_overflow(rise, rises, &slope) ||
        __builtin_add_overflow(level, slope, &total)) {
      return kMost;
    }
    return total;
  }

  // The most of them whose sum is <= budget.
  std::int64_t within(Wide budget) const {
    std::int64_t least = 0;
    // No step is cheaper than the first.
    std::int64_t most = first > 0 ? static_cast<std::int64_t>(std::min<Wide>(steps, budget / first)) : steps;
    while (least < most) {
      const std::int64_t middle = most - (most - least) / 2;
      if (sum(middle) <= budget) {
        least = middle;
      } else {
        most = middle - 1;
      }
    }
    return least;
  }
};

// The steps up to the bend at the KV knee, and those after it.
std::array<Run, 2> decode_runs(const Coefficients& c, int sequences, Tokens context, std::int64_t steps) {
  const Wide fixed = fixed_and_tokens(c, sequences) + c.decode_step;
  const Tokens to_knee = std::max<Tokens>(0, c.kv_knee - context);
  const std::int64_t below = std::min(steps, to_knee / sequences + (to_knee % sequences > 0 ? 1 : 0));
  const Tokens at_bend = context + below * sequences;
  return {Run{.first = fixed + kv_read(c, context),
              .rise = (static_cast<Wide>(c.kv_token) + c.kv_token_below_knee) * sequences,
              .steps = below},
          Run{.first = fixed + kv_read(c, at_bend), .rise = static_cast<Wide>(c.kv_token) * sequences, .steps = steps - below}};
}

}  // namespace

StepTime::StepTime(const Coefficients& coefficients) : coefficients_(coefficients) {
  const Coefficients& c = coefficients_;
  INFBENCH_CHECK(c.step > 0);
  for (const Ticks value :
       {c.prompt_step, c.decode_step, c.token, c.wave, c.kv_token, c.kv_token_below_knee, c.attention_pair, c.token_beyond[0],
        c.token_beyond[1], c.token_beyond[2], c.token_knees[0], c.wave_knee, c.kv_knee}) {
    INFBENCH_CHECK(value >= 0);
  }
  INFBENCH_CHECK(std::is_sorted(c.token_knees.begin(), c.token_knees.end()));
}

StepTime StepTime::without_prefix_attention() const {
  StepTime other = *this;
  other.prefix_attention_ = false;
  return other;
}

StepTime StepTime::with(const Coefficients& coefficients) const {
  StepTime other(coefficients);
  other.prefix_attention_ = prefix_attention_;
  return other;
}

void StepTime::add_chunk(StepLoad& load, Tokens prefix, Tokens fresh) {
  INFBENCH_CHECK(prefix >= 0 && fresh > 0);
  ++load.chunks;
  load.new_tokens += fresh;
  // Token i of the chunk (from 1) attends to prefix + i tokens.
  load.twice_pairs += fresh * (2 * prefix + fresh + 1);
  load.twice_prefix_pairs += fresh * 2 * prefix;
}

void StepTime::add_decode(StepLoad& load, Tokens context) {
  INFBENCH_CHECK(context >= 0);
  ++load.decodes;
  load.decode_context += context;
}

Ticks StepTime::of(const StepLoad& load) const {
  if (load.chunks == 0 && load.decodes == 0) return 0;
  const Coefficients& c = coefficients_;
  Wide time = fixed_and_tokens(c, load.new_tokens + load.decodes);
  const std::int64_t twice_pairs = prefix_attention_ ? load.twice_pairs : load.twice_pairs - load.twice_prefix_pairs;
  if (load.chunks > 0) time += c.prompt_step + static_cast<Wide>(c.attention_pair) * twice_pairs / 2;
  if (load.decodes > 0) time += c.decode_step + kv_read(c, load.decode_context);
  return narrow(time);
}

Ticks StepTime::decode_sum(int sequences, Tokens context, std::int64_t steps) const {
  INFBENCH_CHECK(sequences > 0 && context >= 0 && steps >= 0);
  Wide total = 0;
  for (const Run& run : decode_runs(coefficients_, sequences, context, steps)) {
    total = std::min(kLongest, total + std::min(kLongest, run.sum(run.steps)));
  }
  return narrow(total);
}

std::int64_t StepTime::decode_steps_within(int sequences, Tokens context, std::int64_t at_most, Ticks budget) const {
  INFBENCH_CHECK(sequences > 0 && context >= 0);
  if (at_most <= 0 || budget < 0) return 0;
  std::int64_t taken = 0;
  Wide left = budget;
  for (const Run& run : decode_runs(coefficients_, sequences, context, at_most)) {
    const std::int64_t steps = run.within(left);
    taken += steps;
    if (steps < run.steps) break;
    left -= run.sum(steps);
  }
  return taken;
}

Ticks StepTime::prefill(Tokens cached, Tokens input, Tokens chunk) const {
  INFBENCH_CHECK(cached >= 0 && chunk > 0);
  Wide total = 0;
  for (Tokens done = cached; done < input;) {
    const Tokens fresh = std::min(chunk, input - done);
    StepLoad load;
    add_chunk(load, done, fresh);
    total = std::min(kLongest, total + of(load));
    done += fresh;
  }
  return narrow(total);
}

}  // namespace infbench::cost
