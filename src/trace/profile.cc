#include "trace/profile.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace infbench::trace {
namespace {

// Measured on the conversation trace that the Mooncake authors published (kvcache-ai/Mooncake, FAST25-release/traces).
constexpr std::array<Knot, 43> kConversationInput{{
    {0, 891},       {1, 894},        {2, 896},      {3, 897},    {4, 899},       {5, 901},      {7.5, 913},     {10, 964},
    {12.5, 1090},   {15, 1261},      {20, 1662},    {25, 2306},  {30, 3263},     {35, 4251},    {40, 4993},     {45, 5870},
    {50, 6909},     {55, 8187},      {60, 9570},    {65, 11238}, {70, 13196},    {75, 15367},   {80, 17869},    {82.5, 19403},
    {85, 21464},    {87.5, 24393},   {90, 27367},   {91, 28669}, {92.5, 31519},  {94, 35008},   {95, 39550},    {96, 44613},
    {97, 52215},    {98, 66449},     {98.5, 73850}, {99, 85400}, {99.15, 91977}, {99.3, 95236}, {99.6, 111777}, {99.8, 118461},
    {99.9, 121301}, {99.95, 122891}, {100, 126195},
}};
constexpr std::array<Knot, 29> kConversationOutput{{
    {0, 1},    {1, 3},    {2, 3},    {3, 5},    {5, 10},   {7.5, 17}, {10, 24},   {15, 46},     {20, 100},   {25, 156},
    {30, 213}, {35, 256}, {40, 291}, {45, 322}, {50, 350}, {55, 375}, {60, 399},  {65, 423},    {70, 447},   {75, 472},
    {80, 504}, {85, 543}, {90, 597}, {95, 698}, {97, 800}, {98, 892}, {99, 1119}, {99.5, 1568}, {100, 2000},
}};
constexpr std::array<Knot, 13> kConversationBurst{{
    {0, 2},
    {1, 3},
    {5, 5},
    {10, 6},
    {25, 8},
    {50, 10},
    {75, 12},
    {90, 15},
    {95, 16},
    {99, 18},
    {99.5, 20},
    {99.9, 22},
    {100, 28},
}};
constexpr std::array<Knot, 15> kConversationFirstInput{{
    {0, 892},
    {5, 1133},
    {10, 1300},
    {20, 2018},
    {30, 3876},
    {40, 5207},
    {50, 6893},
    {60, 9223},
    {70, 12496},
    {80, 17477},
    {90, 25379},
    {95, 33610},
    {98, 54960},
    {99, 72759},
    {100, 122891},
}};
constexpr std::array<Knot, 16> kConversationGrowth{{
    {0, -43110},
    {2, -6871},
    {5, -2251},
    {10, 0},
    {20, 116},
    {30, 266},
    {40, 368},
    {50, 454},
    {60, 547},
    {70, 696},
    {80, 1495},
    {90, 4621},
    {95, 7418},
    {98, 12144},
    {99, 17221},
    {100, 91918},
}};
constexpr std::array<Knot, 16> kPause{{
    {0, 0},
    {2, 18},
    {5, 30},
    {10, 42},
    {20, 60},
    {30, 75},
    {40, 96},
    {50, 123},
    {60, 162},
    {70, 222},
    {80, 318},
    {90, 483},
    {95, 615},
    {98, 1031},
    {99, 1477},
    {100, 3030},
}};
constexpr std::array<std::uint32_t, 29> kConversationTurns{2265, 949, 484, 284, 167, 114, 88, 63, 49, 33, 28, 24, 21, 19, 14,
                                                           10,   6,   5,   4,   4,   3,   2,  2,  2,  1,  1,  1,  1,  1};
constexpr std::array<Root, 1> kConversationRoots{{{1, 1}}};

// Of the tool and agent trace four figures are known (23,608 requests in an hour, 8,596 tokens in, 182 out, 59 % of the blocks
// cached); the rest is a guess at what gives them: agents with long fixed instructions and short answers, and some
// conversations.
constexpr std::array<Knot, 14> kToolagentInput{{
    {0, 893},
    {5, 2000},
    {10, 3800},
    {20, 5900},
    {40, 6450},
    {60, 6800},
    {70, 7050},
    {80, 7750},
    {90, 12300},
    {95, 19500},
    {98, 36000},
    {99, 54000},
    {99.8, 98000},
    {100, 123192},
}};
constexpr std::array<Knot, 12> kToolagentOutput{{
    {0, 1},
    {5, 5},
    {15, 14},
    {30, 21},
    {50, 33},
    {60, 64},
    {70, 200},
    {80, 365},
    {90, 510},
    {97, 800},
    {99, 1160},
    {100, 2000},
}};
constexpr std::array<Knot, 9> kToolagentBurst{
    {{0, 5}, {1, 9}, {10, 14}, {25, 16}, {50, 20}, {75, 23}, {90, 26}, {99, 31}, {100, 41}}};
constexpr std::array<Knot, 11> kToolagentFirstInput{{
    {0, 1200},
    {10, 5200},
    {20, 6200},
    {40, 6700},
    {60, 7600},
    {70, 9200},
    {80, 12500},
    {90, 19000},
    {95, 27000},
    {99, 60000},
    {100, 110000},
}};
constexpr std::array<std::uint32_t, 14> kToolagentTurns{4300, 2000, 1000, 560, 320, 190, 120, 75, 45, 25, 15, 8, 4, 2};
constexpr std::array<Root, 14> kToolagentRoots{{
    {12, 200},
    {6, 150},
    {1, 150},
    {3, 120},
    {11, 100},
    {7, 100},
    {2, 100},
    {10, 90},
    {5, 80},
    {8, 60},
    {4, 60},
    {12, 50},
    {9, 30},
    {6, 30},
}};

constexpr std::array<Profile, 2> kProfiles{{
    {.name = "conversation",
     .requests = 12031,
     .ticks = 1180,
     .cache_efficiency = 105710.0 / 288500.0,
     .reused_blocks = 44144.0 / 12031.0,
     .input = kConversationInput,
     .output = kConversationOutput,
     .burst = kConversationBurst,
     .first_input = kConversationFirstInput,
     .growth = kConversationGrowth,
     .pause_s = kPause,
     .turns = kConversationTurns,
     .roots = kConversationRoots},
    {.name = "toolagent",
     .requests = 23608,
     .ticks = 1200,
     .cache_efficiency = 0.59,
     .reused_blocks = 0,
     .input = kToolagentInput,
     .output = kToolagentOutput,
     .burst = kToolagentBurst,
     .first_input = kToolagentFirstInput,
     .growth = kConversationGrowth,
     .pause_s = kPause,
     .turns = kToolagentTurns,
     .roots = kToolagentRoots},
}};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

double quantile(Quantiles quantiles, double percent) {
  const auto above = std::ranges::upper_bound(quantiles, percent, {}, &Knot::percent);
  if (above == quantiles.begin()) return quantiles.front().value;
  if (above == quantiles.end()) return quantiles.back().value;
  const Knot& low = *(above - 1);
  return low.value + (above->value - low.value) * ((percent - low.percent) / (above->percent - low.percent));
}

std::vector<std::int64_t> even_quantiles(Quantiles quantiles, std::size_t count) {
  std::vector<std::int64_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double percent = count == 1 ? 50.0 : static_cast<double>(i) * 100.0 / static_cast<double>(count - 1);
    const double value = quantile(quantiles, percent);
    INFBENCH_CHECK(value >= 0);
    values[i] = std::llround(value);
  }
  return values;
}

}  // namespace infbench::trace
