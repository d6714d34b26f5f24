#include "trace/conversations.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "trace/length_pool.h"

namespace infbench::trace {
namespace {

constexpr double kMoreThanNeeded = 1.05;  // shared blocks before trimming, at least, over the wanted ones

using Conversations = std::vector<Conversation>;

// How many turns each conversation has, most first.
Conversations with_turns(const Profile& profile, std::uint32_t requests) {
  const auto scaled = [&](std::uint32_t count) {
    return static_cast<std::uint32_t>((std::uint64_t{count} * requests + profile.requests / 2) / profile.requests);
  };
  std::uint32_t later_turns = 0;
  for (const std::uint32_t count : profile.turns) later_turns += scaled(count);
  Conversations conversations(requests - later_turns);
  for (Conversation& conversation : conversations) conversation.turns.resize(1);
  for (const std::uint32_t count : profile.turns) {
    for (std::uint32_t i = 0; i < scaled(count); ++i) conversations[i].turns.emplace_back();
  }
  return conversations;
}

// First prompts by their table, each next one longer by a drawn growth, all from the one pool of lengths; single prompts take
// what is left. Conversations of equal length get evenly spread first prompts, so that the sum of what they share hardly
// depends on the seed.
void give_inputs(const Profile& profile, double stretch, LengthPool pool, Conversations& conversations, Random& random) {
  auto begin = conversations.begin();
  while (begin != conversations.end() && begin->turns.size() > 1) {
    const auto end = std::find_if(begin, conversations.end(),
                                  [&](const Conversation& other) { return other.turns.size() != begin->turns.size(); });
    std::vector<double> percents(static_cast<std::size_t>(end - begin));
    for (std::size_t i = 0; i < percents.size(); ++i) {
      percents[i] = (static_cast<double>(i) + random.unit()) * 100.0 / static_cast<double>(percents.size());
    }
    shuffle(percents, random);
    for (std::size_t i = 0; begin != end; ++begin, ++i) {
      double wanted = quantile(profile.first_input, percents[i]) * stretch;
      for (SynthesizedTurn& turn : begin->turns) {
        turn.input = pool.take_nearest(static_cast<Tokens>(wanted));
        wanted =
            std::max(static_cast<double>(turn.input) + quantile(profile.growth, random.unit() * 100), profile.input[0].value);
      }
    }
  }
  std::vector<Tokens> rest = pool.rest();
  shuffle(rest, random);
  for (; begin != conversations.end(); ++begin) {
    begin->turns[0].input = rest.back();
    rest.pop_back();
  }
}

std::size_t draw_root(const Profile& profile, Random& random) {
  std::uint64_t sum = 0;
  for (const Root& root : profile.roots) sum += root.weight;
  std::uint64_t drawn = random.below(sum);
  std::size_t root = 0;
  for (; drawn >= profile.roots[root].weight; ++root) drawn -= profile.roots[root].weight;
  return root;
}

// As much as can be shared: the full blocks of the prompt before (its last partial block is filled up by the next turn), or of
// the root.
void share_all(const Profile& profile, Conversations& conversations, Random& random) {
  for (Conversation& conversation : conversations) {
    constexpr int kTries = 4;  // for a root that fits into the prompt; else a part of one is used
    std::int64_t before = conversation.turns[0].input / kBlockTokens;
    for (int i = 0; i < kTries; ++i) {
      conversation.root = draw_root(profile, random);
      if (profile.roots[conversation.root].blocks <= before) break;
    }
    before = profile.roots[conversation.root].blocks;
    for (SynthesizedTurn& turn : conversation.turns) {
      turn.shared = std::min(before, turn.input / kBlockTokens);
      before = turn.input / kBlockTokens;
    }
  }
}

// Different blocks of the conversation that a later turn uses again, those of the root not counted.
std::int64_t reused_in(const Conversation& conversation) {
  std::int64_t reused = 0;
  for (std::size_t i = 1; i < conversation.turns.size(); ++i) {
    reused += std::max<std::int64_t>(0, conversation.turns[i].shared - conversation.turns[i - 1].shared);
  }
  return reused;
}

struct TurnPlace {
  std::size_t conversation = 0;
  std::size_t turn = 0;
};

// Cuts what turns share until the trace shares as much as it should. A cut in the middle of a conversation costs a hit per
// block, but the turns after it use the new block instead: as many different blocks are reused. A cut at its end costs a hit
// and a reused block.
class Trimmer {
 public:
  Trimmer(const Profile& profile, Conversations& conversations, Random& random)
      : conversations_(conversations), counts_(shared_blocks(profile, conversations)) {
    for (std::size_t c = 0; c < conversations.size(); ++c) {
      const std::size_t turns = conversations[c].turns.size();
      for (std::size_t t = 1; t < turns; ++t) (t + 1 < turns ? middles_ : ends_).push_back({c, t});
    }
    shuffle(middles_, random);
    shuffle(ends_, random);
  }

  void trim(SharedBlocks wanted, Random& random) {
    if (wanted.reused > 0) {
      const std::int64_t wanted_difference = wanted.hits - wanted.reused;
      for (const TurnPlace place : middles_) cut(place, counts_.hits - counts_.reused - wanted_difference, 2, random);
    }
    for (const TurnPlace place : ends_) cut(place, counts_.hits - wanted.hits, 1, random);
    for (const TurnPlace place : middles_) cut(place, counts_.hits - wanted.hits, 1, random);
  }

 private:
  // Shares up to `most` blocks less, if at most so many are too many; a cut by one may count as much as `each`.
  void cut(TurnPlace place, std::int64_t most, std::int64_t each, Random& random) {
    Conversation& conversation = conversations_[place.conversation];
    std::int64_t& shared = conversation.turns[place.turn].shared;
    const std::int64_t least = conversation.turns[0].shared;
    const bool is_end = place.turn + 1 == conversation.turns.size();
    const std::int64_t floor = is_end ? std::max(least, conversation.turns[place.turn - 1].shared) : least;
    const std::int64_t room = std::min(shared - floor, most / each);
    if (room <= 0) return;
    const std::int64_t blocks =
        std::min(room, 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(shared - floor))));
    counts_.reused -= reused_in(conversation);
    shared -= blocks;
    counts_.hits -= blocks;
    counts_.reused += reused_in(conversation);
  }

  Conversations& conversations_;
  SharedBlocks counts_;
  std::vector<TurnPlace> middles_;
  std::vector<TurnPlace> ends_;
};

SharedBlocks wanted_blocks(const Profile& profile, const std::vector<Tokens>& inputs) {
  std::int64_t total = 0;
  for (const Tokens input : inputs) total += blocks_of(input);
  return {.hits = std::llround(profile.cache_efficiency * static_cast<double>(total)),
          .reused = std::llround(profile.reused_blocks * static_cast<double>(inputs.size()))};
}

bool enough(SharedBlocks have, SharedBlocks wanted) {
  const auto above = [](std::int64_t count, std::int64_t needed) {
    return static_cast<double>(count) >= static_cast<double>(needed) * kMoreThanNeeded;
  };
  return above(have.hits, wanted.hits) && (wanted.reused == 0 || (above(have.reused, wanted.reused) &&
                                                                  above(have.hits - have.reused, wanted.hits - wanted.reused)));
}

}  // namespace

SharedBlocks shared_blocks(const Profile& profile, const std::vector<Conversation>& conversations) {
  SharedBlocks blocks;
  std::vector<std::int64_t> deepest(profile.roots.size());
  std::vector<std::int64_t> second(
      profile.roots.size());  // deepest but one: so many blocks of the root are used more than once
  for (const Conversation& conversation : conversations) {
    for (const SynthesizedTurn& turn : conversation.turns) {
      blocks.hits += turn.shared;
      const std::int64_t of_root = std::min(turn.shared, profile.roots[conversation.root].blocks);
      std::int64_t& first = deepest[conversation.root];
      second[conversation.root] = std::max(second[conversation.root], std::min(of_root, first));
      first = std::max(first, of_root);
    }
    blocks.reused += reused_in(conversation);
  }
  for (const std::int64_t first : deepest) blocks.hits -= first;
  for (const std::int64_t reused : second) blocks.reused += reused;
  return blocks;
}

std::vector<Conversation> synthesize_conversations(const Profile& profile, std::uint32_t requests, Random& random) {
  constexpr int kTries = 16;
  constexpr double kShortest = 0.88;
  constexpr double kStretch = 1.04;
  const std::vector<Tokens> inputs = even_quantiles(profile.input, requests);
  const SharedBlocks wanted = wanted_blocks(profile, inputs);
  const Random fresh = random;
  Conversations conversations;
  double stretch = kShortest;
  for (int i = 0; i < kTries; ++i, stretch *= kStretch) {  // longer conversations until there is more than enough to share
    random = fresh;
    conversations = with_turns(profile, requests);
    give_inputs(profile, stretch, LengthPool(inputs), conversations, random);
    share_all(profile, conversations, random);
    if (enough(shared_blocks(profile, conversations), wanted)) break;
  }
  Trimmer(profile, conversations, random).trim(wanted, random);
  return conversations;
}

}  // namespace infbench::trace
