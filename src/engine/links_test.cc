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

TEST(Links, TransfersOfOneSenderOrOneReceiverFollowEachOther) {
  Links links({0, 0, 1, 1}, kFast, kSlow);
  links.send(kv(1, 0, 2), 1'000'000, {});
  links.send(kv(2, 0, 3), 1'000'000, {});  // the same sender
  links.send(kv(3, 1, 2), 500'000, {});    // the same receiver as 1
  links.send(kv(4, 3, 1), 500'000, {});    // shares with none: links carry both ways at once
  EXPECT_THAT(all(links), ElementsAre(Arrival{510, 4}, Arrival{1010, 1}, Arrival{1510, 3}, Arrival{2010, 2}));
}

TEST(Links, ArrivalsOfOneMomentKeepTheOrderOfSending) {
  Links links({0, 0, 0}, kFast, kSlow);
  for (std::uint64_t request = 0; request < 5; ++request)
    links.send(kv(request, 0, static_cast<std::uint32_t>(1 + request % 2)), 0, {});
  EXPECT_THAT(all(links), ElementsAre(Arrival{2, 0}, Arrival{2, 1}, Arrival{2, 2}, Arrival{2, 3}, Arrival{2, 4}));
}

}  // namespace
}  // namespace infbench::engine
