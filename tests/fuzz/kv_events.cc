// Batches of KV events, one after the other with the bytes C1 C1 between (no message has C1): read, written, and in an index.
#include "live/kv_events.h"

#include <set>

#include "net/msgpack.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

constexpr Tokens kPage = 4;

bool same(const live::KvEvent& a, const live::KvEvent& b) {
  if (a.what != b.what) return false;
  if (a.what == live::KvEvent::What::cleared) return true;
  if (a.blocks != b.blocks) return false;
  return a.what == live::KvEvent::What::removed ||
         (a.parent == b.parent && a.token_ids == b.token_ids && a.block_size == b.block_size);
}

void check_batch(std::string_view payload) {
  const auto batch = live::read_kv_batch(payload);
  net::MsgpackReader skipped(payload);
  const bool is_message = skipped.skip() && skipped.at_end();
  if (!batch) return;
  require(is_message, "a batch is a message");
  const auto again = live::read_kv_batch(live::write_kv_batch(*batch));
  require(again.has_value() && again->events.size() == batch->events.size(), "a batch that was written can be read");
  for (std::size_t i = 0; i < batch->events.size(); ++i) require(same(batch->events[i], again->events[i]), "and is the same");
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  live::KvIndex index(kPage);
  std::set<PageHash> told;  // since the index was emptied
  const auto tell = [&](live::KvChange change, std::span<const PageHash> pages) {
    if (change == live::KvChange::stored) {
      told.insert(pages.begin(), pages.end());
    } else if (change == live::KvChange::removed) {
      for (const PageHash page : pages) require(told.contains(page), "only what was stored is removed");
    } else {
      require(pages.empty(), "an index is emptied as a whole");
      told.clear();
    }
  };
  std::uint64_t sequence = 0;
  for (const std::string_view payload : split(text_of(data, size), "\xc1\xc1")) {
    check_batch(payload);
    index.take(sequence++, payload, tell);
    if (payload.ends_with('\xff')) ++sequence;  // one got lost
  }
  return 0;
}
