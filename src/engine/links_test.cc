#include "engine/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace infbench::engine {
namespace {

using What = Message::What;
using ::testing::ElementsAre;

constexpr LinkSpec kFast{.bytes_per_s = 10'000'000'000, .latency = microseconds(2)};
constexpr LinkSpec kSlow{.bytes_per_s = 1'000'000'000, .latency = microseconds(10)};

struct Arrival {
  std::int64_t us;
  std::uint64_t request;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

std::vector<Arrival> all(Links& links) {
  std::vector<Arrival> arrivals;
  std::vector<Message> messages;
  while (const auto next = links.next()) {
    messages.clear();
    links.advance(*next, messages);
    for (const Message& message : messages) arrivals.push_back({next->ns / 1000, message.request.value});
  }
  return arrivals;
}

Message kv(std::uint64_t request, std::uint32_t from, std::uint32_t to) {
  return {.what = What::kv, .request = {request}, .from = {from}, .to = {to}};
}

// Workers 0 and 1 on one node, 2 and 3 on another. 1 MB takes 100 us inside a node and 1,000 us across.
TEST(Links, TimeIsBytesOverBandwidthPlusLatency) {
  Links links({0, 0, 1, 1}, kFast, kSlow);
  links.send(kv(1, 0, 1), 1'000'000, {});
  links.send(kv(2, 0, 2), 1'000'000, {});
  links.send(kv(3, 0, 2), 0, {});
  EXPECT_THAT(all(links), ElementsAre(Arrival{10, 3}, Arrival{102, 1}, Arrival{1010, 2}));
}

TEST(Links, TransfersOfOneSenderOrOneReceiverShareItsLink) {
  Links links({0, 0, 1, 1}, kFast, kSlow);
  links.send(kv(1, 0, 2), 1'000'000, {});
  links.send(kv(2, 0, 3), 1'000'000, {});  // the same sender
  links.send(kv(3, 1, 2), 500'000, {});    // the same receiver as 1
  links.send(kv(4, 3, 1), 500'000, {});    // shares with none: links carry both ways at once
  EXPECT_THAT(all(links), ElementsAre(Arrival{510, 4}, Arrival{1010, 3}, Arrival{2010, 1}, Arrival{2010, 2}));
}

// Alone 2 would take 250 us. Both get a half until it ends at 500 + 200 us; 1 has 550 kB left then, its 200 us alone carried
// 200.
TEST(Links, WhatOneLeavesTheOthersGet) {
  Links links({0, 1, 1}, kFast, kSlow);
  links.send(kv(1, 0, 1), 1'000'000, {});
  links.send(kv(2, 0, 2), 250'000, Time{200'000});
  EXPECT_THAT(all(links), ElementsAre(Arrival{710, 2}, Arrival{1260, 1}));
}

TEST(Links, HowOftenAnybodyLooksChangesNothing) {
  std::vector<std::int64_t> first;
  for (const std::int64_t step_ns : {1'000'000'000LL, 777LL}) {
    Links links({0, 1, 2, 3}, kFast, {.bytes_per_s = 999'999'937, .latency = microseconds(10)});
    std::vector<std::int64_t> ends;
    std::vector<Message> messages;
    Time now;
    for (std::uint64_t request = 0; request < 20; ++request) {
      const Time next = Time{} + microseconds(static_cast<std::int64_t>(request) * 13);
      while (now + Duration{step_ns} < next) links.advance(now = now + Duration{step_ns}, messages);
      links.advance(now = next, messages);
      links.send(kv(request, static_cast<std::uint32_t>(request % 2), static_cast<std::uint32_t>(2 + request % 3 / 2)),
                 30'000 + 1'009 * static_cast<Bytes>(request), now);
    }
    while (const auto next = links.next()) {
      messages.clear();
      links.advance(*next, messages);
      ASSERT_FALSE(messages.empty());
      for (std::size_t i = 0; i < messages.size(); ++i) ends.push_back(next->ns);
    }
    if (first.empty()) first = ends;
    EXPECT_EQ(ends, first);
  }
}

TEST(Links, ArrivalsOfOneMomentKeepTheOrderOfSending) {
  Links links({0, 0, 0}, kFast, kSlow);
  for (std::uint64_t request = 0; request < 5; ++request)
    links.send(kv(request, 0, static_cast<std::uint32_t>(1 + request % 2)), 0, {});
  EXPECT_THAT(all(links), ElementsAre(Arrival{2, 0}, Arrival{2, 1}, Arrival{2, 2}, Arrival{2, 3}, Arrival{2, 4}));
}

}  // namespace
}  // namespace infbench::engine
