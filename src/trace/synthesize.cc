#include "trace/synthesize.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

#include "base/check.h"
#include "base/random.h"
#include "trace/build.h"
#include "trace/conversations.h"
#include "trace/profile.h"
#include "trace/schedule.h"

namespace infbench::trace {
namespace {

struct Arrival {
  double s = 0;  // when it should come
  std::uint32_t conversation = 0;
  std::uint32_t turn = 0;
};

// When each turn should come, in that order: conversations begin evenly over the time that leaves room for their later turns.
std::vector<Arrival> wanted_arrivals(const Profile& profile, const std::vector<Conversation>& conversations, double duration_s,
                                     Random& random) {
  std::vector<std::size_t> begins(conversations.size());
  std::iota(begins.begin(), begins.end(), std::size_t{0});
  shuffle(begins, random);
  std::vector<Arrival> arrivals;
  for (std::uint32_t c = 0; c < conversations.size(); ++c) {
    std::vector<double> offsets{0};
    for (std::size_t turn = 1; turn < conversations[c].turns.size(); ++turn) {
      offsets.push_back(offsets.back() + quantile(profile.pause_s, random.unit() * 100));
    }
    const double shrink = std::min(1.0, 0.97 * duration_s / std::max(offsets.back(), 1e-9));
    const double room = duration_s - offsets.back() * shrink;
    const double begin = (static_cast<double>(begins[c]) + random.unit()) / static_cast<double>(begins.size()) * room;
    for (std::uint32_t turn = 0; turn < offsets.size(); ++turn) arrivals.push_back({begin + offsets[turn] * shrink, c, turn});
  }
  std::ranges::sort(arrivals, [](const Arrival& a, const Arrival& b) {
    return std::tie(a.s, a.conversation, a.turn) < std::tie(b.s, b.conversation, b.turn);
  });
  return arrivals;
}

// How many requests each tick has: even quantiles of the table, `requests` in all, somewhat fewer at the start than at the end
// (as in the real traces, where conversations that began before are missing).
std::vector<std::int64_t> bursts(const Profile& profile, std::uint32_t requests, Random& random) {
  const std::uint64_t scaled = (std::uint64_t{profile.ticks} * requests + profile.requests / 2) / profile.requests;
  const auto ticks = static_cast<std::size_t>(std::clamp<std::uint64_t>(scaled, 1, requests));
  std::vector<std::int64_t> counts = even_quantiles(profile.burst, ticks);
  const std::int64_t largest = counts.back();
  std::int64_t missing = requests - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  while (missing != 0) {  // the largest burst stays what it is
    const std::size_t tick = ticks < 3 ? random.below(ticks) : random.below(ticks - 1);
    if (missing > 0 && (ticks < 3 || counts[tick] + 1 < largest)) {
      ++counts[tick];
      --missing;
    } else if (missing < 0 && counts[tick] > 1) {
      --counts[tick];
      ++missing;
    }
  }
  std::ranges::sort(counts);

  constexpr double kDrift = 0.3;
  std::vector<std::pair<double, std::size_t>> order(ticks);
  for (std::size_t i = 0; i < ticks; ++i) {
    order[i] = {random.unit() + kDrift * static_cast<double>(i) / static_cast<double>(ticks), i};
  }
  std::ranges::sort(order);
  std::vector<std::int64_t> by_tick(ticks);
  for (std::size_t i = 0; i < ticks; ++i) by_tick[order[i].second] = counts[i];
  return by_tick;
}

// The blocks of each prompt, numbered as they first occur.
class BlockNamer {
 public:
  BlockNamer(const Profile& profile, const std::vector<Conversation>& conversations)
      : conversations_(conversations), paths_(conversations.size()), roots_(profile.roots.size()) {}

  // Must be called in the order of the trace, each conversation's turns in theirs. Valid until the next call.
  const std::vector<std::uint64_t>& blocks_of_turn(std::uint32_t conversation, std::uint32_t turn) {
    const Conversation& whole = conversations_[conversation];
    const SynthesizedTurn& now = whole.turns[turn];
    std::vector<std::uint64_t>& path = paths_[conversation];
    if (turn == 0) {
      std::vector<std::uint64_t>& root = roots_[whole.root];
      name_up_to(root, now.shared);
      path.assign(root.begin(), root.begin() + now.shared);
    }
    path.resize(static_cast<std::size_t>(now.shared));
    name_up_to(path, blocks_of(now.input));
    if (turn + 1 < whole.turns.size()) return path;
    last_ = std::move(path);
    path = {};
    return last_;
  }

 private:
  void name_up_to(std::vector<std::uint64_t>& blocks, std::int64_t count) {
    while (static_cast<std::int64_t>(blocks.size()) < count) blocks.push_back(next_++);
  }

  const std::vector<Conversation>& conversations_;
  std::vector<std::vector<std::uint64_t>> paths_;  // of the turn before
  std::vector<std::vector<std::uint64_t>> roots_;
  std::vector<std::uint64_t> last_;
  std::uint64_t next_ = 0;
};

Trace build(const Profile& profile, std::uint32_t requests, double speed, Random& random) {
  const std::vector<Conversation> conversations = synthesize_conversations(profile, requests, random);
  const std::vector<std::int64_t> by_tick = bursts(profile, requests, random);
  const double duration_s = static_cast<double>(by_tick.size() * kTickMs) / 1000;
  const std::vector<Arrival> arrivals = wanted_arrivals(profile, conversations, duration_s, random);
  std::vector<std::int64_t> outputs = even_quantiles(profile.output, requests);
  shuffle(outputs, random);

  BlockNamer namer(profile, conversations);
  TraceBuilder builder;
  const std::string marker = fmt::format("\"stand_in\": \"{}\"", profile.name);
  std::size_t next = 0;
  for (std::size_t tick = 0; tick < by_tick.size(); ++tick) {
    // The real clock ticks a millisecond early now and then.
    const std::int64_t early = tick > 0 && random.below(3) == 0 ? 1 : 0;
    const Duration at = divided(milliseconds(static_cast<std::int64_t>(tick) * kTickMs - early), speed);
    for (std::int64_t i = 0; i < by_tick[tick]; ++i, ++next) {
      const Arrival& arrival = arrivals[next];
      builder.add({.at = at,
                   .input = conversations[arrival.conversation].turns[arrival.turn].input,
                   .output = outputs[next],
                   .blocks = namer.blocks_of_turn(arrival.conversation, arrival.turn),
                   .session = {},
                   .delay = {},
                   .extra = next == 0 ? std::string_view(marker) : std::string_view{},
                   .stand_in = profile.name});
    }
  }
  return std::move(builder).finish().trace;
}

}  // namespace

Result<Trace> synthesize(const SynthesizeOptions& options) {
  Errors errors;
  const Profile* like = nullptr;
  std::vector<std::string_view> names;
  for (const Profile& profile : profiles()) {
    names.push_back(profile.name);
    if (profile.name == options.like) like = &profile;
  }
  if (like == nullptr) {
    errors.push_back({.what = fmt::format("expected conversation or toolagent, found '{}'", options.like),
                      .hint = did_you_mean(options.like, names),
                      .file = {},
                      .source_line = {}});
  }
  if (options.requests && (*options.requests == 0 || *options.requests > kMostSynthesized)) {
    errors.push_back({.what = fmt::format("expected 1 to {} requests, found {}", kMostSynthesized, *options.requests),
                      .hint = {},
                      .file = {},
                      .source_line = {}});
  }
  if (!std::isfinite(options.speed) || options.speed <= 0) {
    errors.push_back(
        {.what = fmt::format("expected a speed above 0, found {}", options.speed), .hint = {}, .file = {}, .source_line = {}});
  }
  if (!errors.empty()) return fail(std::move(errors));
  Random random(options.seed);
  return build(*like, options.requests.value_or(like->requests), options.speed, random);
}

}  // namespace infbench::trace
