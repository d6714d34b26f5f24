#include "live/kv_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/hash.h"
#include "base/random.h"
#include "live/kv_publishing.h"
#include "net/text_tokens.h"

namespace infbench::live {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Written by msgspec 0.19, which the engines use, from classes with their fields in the engines' order.
constexpr std::string_view kArrays =
    "93cb3ff80000000000009497ab426c6f636b53746f72656492fecf8000000000000001c098000102030405060704c0c097ab426c6f636b53746f7265"
    "649107fe94cd012cce00011170010204c0a347505593ac426c6f636b52656d6f7665649107a347505591b0416c6c426c6f636b73436c656172656400";
constexpr std::string_view kMaps =
    "83a27473cb4004000000000000a66576656e74739388a474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657391c40401010101b1"
    "706172656e745f626c6f636b5f68617368c0a9746f6b656e5f6964739401020304aa626c6f636b5f73697a6504a76c6f72615f6964c0a66d65646975"
    "6da3475055a96c6f72615f6e616d65c088a474797065ab426c6f636b53746f726564ac626c6f636b5f6861736865739109b1706172656e745f626c6f"
    "636b5f68617368c0a9746f6b656e5f6964739401020304aa626c6f636b5f73697a6504a76c6f72615f6964c0a66d656469756da3435055a96c6f7261"
    "5f6e616d65c083a474797065ac426c6f636b52656d6f766564ac626c6f636b5f68617368657391c40401010101a66d656469756da3475055b2646174"
    "615f706172616c6c656c5f72616e6b00";

std::string bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return out;
}

TEST(KvEvents, ReadsWhatSglangAndOlderVllmWrite) {
  const auto batch = read_kv_batch(bytes_of(kArrays));
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->epoch_s, 1.5);
  ASSERT_EQ(batch->events.size(), 4U);
  const KvEvent& first = batch->events[0];
  EXPECT_EQ(first.what, KvEvent::What::stored);
  EXPECT_THAT(first.blocks, ElementsAre(static_cast<std::uint64_t>(-2), (1ULL << 63U) + 1));
  EXPECT_EQ(first.parent, std::nullopt);
  EXPECT_THAT(first.token_ids, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(first.block_size, 4);
  EXPECT_EQ(batch->events[1].parent, static_cast<std::uint64_t>(-2));
  EXPECT_THAT(batch->events[1].token_ids, ElementsAre(300, 70000, 1, 2));
  EXPECT_EQ(batch->events[2].what, KvEvent::What::removed);
  EXPECT_THAT(batch->events[2].blocks, ElementsAre(7));
  EXPECT_EQ(batch->events[3].what, KvEvent::What::cleared);
}

TEST(KvEvents, ReadsWhatNewerVllmWrites) {
  const auto batch = read_kv_batch(bytes_of(kMaps));
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->events.size(), 2U) << "what is stored on the CPU is of no use";
  EXPECT_THAT(batch->events[0].token_ids, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(batch->events[0].blocks, batch->events[1].blocks) << "hashes that are bytes";
}

TEST(KvEvents, BytesThatAreNoBatchAreNone) {
  for (const std::string_view hex : {kArrays, kMaps}) {
    const std::string whole = bytes_of(hex);
    for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(read_kv_batch(whole.substr(0, length)));
    EXPECT_FALSE(read_kv_batch(whole + "\xc0"));
    Random random(1);
    for (int i = 0; i < 20000; ++i) {  // nothing bad happens, whatever comes
      std::string changed = whole;
      for (int k = 0; k < 3; ++k) changed[random.below(changed.size())] = static_cast<char>(random.below(256));
      static_cast<void>(read_kv_batch(changed));
    }
  }
  EXPECT_FALSE(read_kv_batch("\xdd\xff\xff\xff\xff")) << "an array of more items than there are bytes";
}

class KvIndexTest : public ::testing::Test {
 protected:
  using Told = std::pair<KvChange, std::vector<std::uint64_t>>;

  std::vector<Told> take(KvIndex& index, std::uint64_t sequence, const std::vector<KvEvent>& events) {
    return take(index, sequence, write_kv_batch({.epoch_s = 1, .events = events}));
  }
  std::vector<Told> take(KvIndex& index, std::uint64_t sequence, const std::string& payload) {
    std::vector<Told> told;
    index.take(sequence, payload, [&](KvChange change, std::span<const PageHash> pages) {
      told.emplace_back(change, std::vector<std::uint64_t>());
      for (const PageHash page : pages) told.back().second.push_back(page.value);
    });
    return told;
  }
  static KvEvent stored(std::vector<std::uint64_t> blocks, std::optional<std::uint64_t> parent,
                        std::vector<std::uint32_t> ids = {}) {
    return {.what = KvEvent::What::stored,
            .blocks = std::move(blocks),
            .parent = parent,
            .token_ids = std::move(ids),
            .block_size = 4};
  }
  static KvEvent removed(std::vector<std::uint64_t> blocks) {
    return {.what = KvEvent::What::removed, .blocks = std::move(blocks), .parent = {}, .token_ids = {}};
  }
};

TEST_F(KvIndexTest, TokenIdsAreNamedAsPromptsAre) {
  std::vector<std::uint32_t> ids(12);
  std::iota(ids.begin(), ids.end(), 100);
  std::vector<PageHash> pages;
  net::pages_of_ids(ids, 4, pages);
  KvIndex index(4);
  const std::vector<std::uint32_t> first(ids.begin(), ids.begin() + 8);
  const std::vector<std::uint32_t> rest(ids.begin() + 8, ids.end());
  EXPECT_THAT(take(index, 0, {stored({70, 71}, std::nullopt, first), stored({72}, 71, rest)}),
              ElementsAre(Told{KvChange::cleared, {}}, Told{KvChange::stored, {pages[0].value, pages[1].value}},
                          Told{KvChange::stored, {pages[2].value}}));
  EXPECT_THAT(take(index, 1, {removed({72, 99})}), ElementsAre(Told{KvChange::removed, {pages[2].value}}));
  EXPECT_THAT(take(index, 2, {stored({80}, 5, rest)}), IsEmpty()) << "follows a block that is not known";
  KvIndex other(8);
  EXPECT_THAT(take(other, 0, {stored({70, 71}, std::nullopt, first)}), ElementsAre(Told{KvChange::cleared, {}}))
      << "blocks of another size";
}

TEST_F(KvIndexTest, OurOwnHashesGoThrough) {
  KvIndex index(64);
  EXPECT_THAT(take(index, 0, {stored({1, 2}, std::nullopt), removed({2})}),
              ElementsAre(Told{KvChange::cleared, {}}, Told{KvChange::stored, {1, 2}}, Told{KvChange::removed, {2}}));
  EXPECT_TRUE(index.complete());
  EXPECT_EQ(index.blocks(), 1U);
}

TEST_F(KvIndexTest, ALostNumberDropsTheIndexWhichIsLearnedAnew) {
  KvIndex index(64);
  take(index, 0, {stored({1}, std::nullopt)});
  take(index, 1, {stored({2}, 1)});
  EXPECT_THAT(take(index, 3, {stored({5}, std::nullopt)}), ElementsAre(Told{KvChange::lost, {}}, Told{KvChange::stored, {5}}));
  EXPECT_FALSE(index.complete());
  EXPECT_EQ(index.losses(), 1U);
  EXPECT_EQ(index.blocks(), 1U);
  EXPECT_THAT(take(index, 4, {removed({1})}), IsEmpty());
  EXPECT_THAT(take(index, 4, {removed({5})}), ElementsAre(Told{KvChange::lost, {}})) << "the same number twice";
  EXPECT_THAT(take(index, 5, {{.what = KvEvent::What::cleared, .blocks = {}, .parent = {}, .token_ids = {}}}),
              ElementsAre(Told{KvChange::cleared, {}}));
  EXPECT_TRUE(index.complete());
  EXPECT_THAT(take(index, 6, std::string("x")), ElementsAre(Told{KvChange::lost, {}}));
  EXPECT_THAT(take(index, 0, {stored({9}, std::nullopt)}),
              ElementsAre(Told{KvChange::cleared, {}}, Told{KvChange::stored, {9}}))
      << "a worker that has started again";
}

TEST_F(KvIndexTest, WhoComesLateDoesNotKnowAll) {
  KvIndex index(64);
  EXPECT_THAT(take(index, 7, {stored({1}, std::nullopt)}), ElementsAre(Told{KvChange::lost, {}}, Told{KvChange::stored, {1}}));
  EXPECT_FALSE(index.complete());
}

TEST(KvPublishing, AJournalBecomesABatch) {
  engine::KvJournal journal;
  const std::vector<PageHash> pages{{11}, {12}, {13}};
  journal.stored({}, std::span(pages).first(2));
  journal.stored(pages[1], std::span(pages).last(1));
  journal.removed(std::span(pages).last(1));
  journal.cleared();
  const auto batch = read_kv_batch(kv_batch_of(journal, 64, 2.5));
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->epoch_s, 2.5);
  ASSERT_EQ(batch->events.size(), 4U);
  EXPECT_THAT(batch->events[0].blocks, ElementsAre(11, 12));
  EXPECT_EQ(batch->events[0].parent, std::nullopt);
  EXPECT_EQ(batch->events[0].block_size, 64);
  EXPECT_EQ(batch->events[1].parent, 12U);
  EXPECT_THAT(batch->events[2].blocks, ElementsAre(13));
  EXPECT_EQ(batch->events[3].what, KvEvent::What::cleared);
}

TEST(KvPublishing, TheConfigAsEnginesTakeIt) {
  const auto given = read_kv_events_config(R"({"publisher":"zmq","topic":"kv","endpoint":"tcp://*:5600","hwm":5})");
  ASSERT_TRUE(given && *given);
  EXPECT_EQ((*given)->endpoint, "tcp://*:5600");
  EXPECT_EQ((*given)->topic, "kv");
  EXPECT_EQ(with_port_offset(**given, 3).endpoint, "tcp://*:5603");
  EXPECT_EQ(with_port_offset({.endpoint = "tcp://127.0.0.1:0", .topic = {}}, 3).endpoint, "tcp://127.0.0.1:0");
  for (const char* nothing : {"{}", R"({"publisher":"null"})"}) {
    const auto config = read_kv_events_config(nothing);
    EXPECT_TRUE(config && !*config) << nothing;
  }
  for (const char* wrong :
       {"", "[]", R"({"publisher":"kafka"})", R"({"publisher":"zmq","endpoint":5})",
        R"({"publisher":"zmq","endpoint":"ipc:///x"})", R"({"publisher":"zmq","replay_endpoint":"tcp://*:1"})"}) {
    const auto config = read_kv_events_config(wrong);
    ASSERT_FALSE(config) << wrong;
    EXPECT_THAT(config.error().front().what, HasSubstr("--kv-events-config"));
  }
}

}  // namespace
}  // namespace infbench::live
