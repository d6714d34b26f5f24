#include "live/kv_events.h"

#include "base/hash.h"
#include "net/msgpack.h"
#include "net/text_tokens.h"

namespace infbench::live {
namespace {

using net::MsgpackReader;

constexpr std::size_t kBlocksMax = std::size_t{1} << 24U;  // of one worker; one that tells of more forgets to say what is gone

std::optional<std::uint64_t> read_hash(MsgpackReader& in) {
  if (const auto whole = in.whole()) return whole;
  if (const auto bytes = in.binary()) return hash_bytes(*bytes);
  return std::nullopt;
}

bool read_blocks(MsgpackReader& in, KvEvent& event) {
  const auto count = in.array();
  if (!count) return false;
  event.blocks.reserve(*count);
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto hash = read_hash(in);
    if (!hash) return false;
    event.blocks.push_back(*hash);
  }
  return true;
}

bool read_ids(MsgpackReader& in, KvEvent& event) {
  const auto count = in.array();
  if (!count) return false;
  event.token_ids.reserve(*count);
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto id = in.whole();
    if (!id) return false;  // pairs of ids, as of some speculative decoders, have no prompt that we could match
    event.token_ids.push_back(static_cast<std::uint32_t>(*id));
  }
  return true;
}

// A field by its name; in events that are arrays the names follow from the order.
bool read_field(MsgpackReader& in, std::string_view name, KvEvent& event) {
  if (name == "block_hashes") return read_blocks(in, event);
  if (name == "token_ids") return read_ids(in, event);
  if (name == "parent_block_hash") return in.nil() || (event.parent = read_hash(in)).has_value();
  if (name == "block_size") {
    const auto size = in.integer();
    event.block_size = size.value_or(0);
    return size && *size >= 0;
  }
  if (name == "lora_id" || name == "lora_name") {
    if (in.nil()) return true;
    event.of_use = false;
  } else if (name == "medium") {
    const auto medium = in.text();
    if (medium && *medium != "GPU") event.of_use = false;
    if (medium) return true;
  }
  return in.skip();
}

constexpr std::string_view kStored[] = {"block_hashes", "parent_block_hash", "token_ids", "block_size", "lora_id",
                                        "medium",       "lora_name"};
constexpr std::string_view kRemoved[] = {"block_hashes", "medium"};

std::optional<KvEvent::What> what_of(std::string_view type) {
  if (type == "BlockStored") return KvEvent::What::stored;
  if (type == "BlockRemoved") return KvEvent::What::removed;
  if (type == "AllBlocksCleared") return KvEvent::What::cleared;
  return std::nullopt;
}

// What came of an event: read, of no use, or bytes that are none.
enum class Read : std::uint8_t { event, passed_over, wrong };

Read read_array(MsgpackReader& in, std::uint32_t length, KvEvent& event) {
  const auto type = in.text();
  if (length == 0 || !type) return Read::wrong;
  const auto what = what_of(*type);
  const std::span<const std::string_view> names = what == KvEvent::What::stored    ? std::span<const std::string_view>(kStored)
                                                  : what == KvEvent::What::removed ? std::span<const std::string_view>(kRemoved)
                                                                                   : std::span<const std::string_view>();
  for (std::uint32_t i = 1; i < length; ++i) {
    const bool read = i - 1 < names.size() ? read_field(in, names[i - 1], event) : in.skip();
    if (!read) return Read::wrong;
  }
  if (!what) return Read::passed_over;
  event.what = *what;
  return Read::event;
}

Read read_map(MsgpackReader& in, std::uint32_t pairs, KvEvent& event) {
  std::optional<KvEvent::What> what;
  for (std::uint32_t i = 0; i < pairs; ++i) {
    const auto name = in.text();
    if (!name) return Read::wrong;
    if (*name == "type") {
      const auto type = in.text();
      if (!type) return Read::wrong;
      what = what_of(*type);
    } else if (!read_field(in, *name, event)) {
      return Read::wrong;
    }
  }
  if (!what) return Read::passed_over;
  event.what = *what;
  return Read::event;
}

bool read_events(MsgpackReader& in, std::vector<KvEvent>& events) {
  const auto count = in.array();
  if (!count) return false;
  for (std::uint32_t i = 0; i < *count; ++i) {
    KvEvent event;
    Read read = Read::wrong;
    if (const auto length = in.array()) {
      read = read_array(in, *length, event);
    } else if (const auto pairs = in.map()) {
      read = read_map(in, *pairs, event);
    }
    if (read == Read::wrong) return false;
    if (read == Read::event && event.of_use) events.push_back(std::move(event));
  }
  return true;
}

bool read_batch_map(MsgpackReader& in, std::uint32_t pairs, KvBatch& batch) {
  bool have_events = false;
  for (std::uint32_t i = 0; i < pairs; ++i) {
    const auto name = in.text();
    if (!name) return false;
    if (*name == "events") {
      have_events = read_events(in, batch.events);
      if (!have_events) return false;
    } else if (*name == "ts") {
      const auto time = in.number();
      if (!time) return false;
      batch.epoch_s = *time;
    } else if (!in.skip()) {
      return false;
    }
  }
  return have_events;
}

}  // namespace

std::optional<KvBatch> read_kv_batch(std::string_view payload) {
  MsgpackReader in(payload);
  KvBatch batch;
  if (const auto pairs = in.map()) {
    if (!read_batch_map(in, *pairs, batch)) return std::nullopt;
  } else {
    const auto length = in.array();
    if (!length || *length < 2) return std::nullopt;
    const auto time = in.number();
    if (!time || !read_events(in, batch.events)) return std::nullopt;
    batch.epoch_s = *time;
    for (std::uint32_t i = 2; i < *length; ++i) {
      if (!in.skip()) return std::nullopt;
    }
  }
  if (!in.at_end()) return std::nullopt;
  return batch;
}

std::string write_kv_batch(const KvBatch& batch) {
  std::string out;
  const auto list = [&](const auto& values) {
    net::msgpack_array(out, static_cast<std::uint32_t>(values.size()));
    for (const auto value : values) net::msgpack_integer(out, value);
  };
  net::msgpack_array(out, 3);
  net::msgpack_float(out, batch.epoch_s);
  net::msgpack_array(out, static_cast<std::uint32_t>(batch.events.size()));
  for (const KvEvent& event : batch.events) {
    switch (event.what) {
      case KvEvent::What::stored:
        net::msgpack_array(out, 6);
        net::msgpack_text(out, "BlockStored");
        list(event.blocks);
        event.parent ? net::msgpack_integer(out, *event.parent) : net::msgpack_nil(out);
        list(event.token_ids);
        net::msgpack_integer(out, static_cast<std::uint64_t>(event.block_size));
        net::msgpack_nil(out);  // lora_id
        break;
      case KvEvent::What::removed:
        net::msgpack_array(out, 2);
        net::msgpack_text(out, "BlockRemoved");
        list(event.blocks);
        break;
      case KvEvent::What::cleared:
        net::msgpack_array(out, 1);
        net::msgpack_text(out, "AllBlocksCleared");
        break;
    }
  }
  net::msgpack_integer(out, 0);  // the data parallel rank
  return out;
}

// ---- KvIndex

void KvIndex::clear(KvChange why, const Tell& tell) {
  pages_.clear();
  complete_ = why == KvChange::cleared;
  if (!complete_) ++losses_;
  tell(why, {});
}

void KvIndex::take(std::uint64_t sequence, std::string_view payload, const Tell& tell) {
  const bool first = batches_++ == 0;
  // From 0 on: a worker that has just started, or has again.
  if (sequence == 0) {
    clear(KvChange::cleared, tell);
  } else if (first || sequence != next_) {
    clear(KvChange::lost, tell);
  }
  next_ = sequence + 1;
  const auto batch = read_kv_batch(payload);
  if (!batch) return clear(KvChange::lost, tell);
  for (const KvEvent& event : batch->events) apply(event, tell);
}

void KvIndex::apply(const KvEvent& event, const Tell& tell) {
  switch (event.what) {
    case KvEvent::What::stored: return store(event, tell);
    case KvEvent::What::removed: return remove(event, tell);
    case KvEvent::What::cleared: return clear(KvChange::cleared, tell);
  }
}

void KvIndex::store(const KvEvent& event, const Tell& tell) {
  told_.clear();
  const auto size = static_cast<std::size_t>(page_);
  if (event.token_ids.empty()) {
    for (const std::uint64_t block : event.blocks) told_.push_back({block});
  } else {
    if (event.block_size != page_ || event.token_ids.size() != event.blocks.size() * size) return;
    PageHash previous;
    if (event.parent) {
      const auto parent = pages_.find(*event.parent);
      if (parent == pages_.end()) return;  // follows something that was lost
      previous = parent->second;
    }
    for (std::size_t i = 0; i < event.blocks.size(); ++i) {
      previous = net::page_of_ids(previous, std::span(event.token_ids).subspan(i * size, size));
      told_.push_back(previous);
    }
  }
  if (pages_.size() + told_.size() > kBlocksMax) clear(KvChange::lost, tell);
  for (std::size_t i = 0; i < told_.size(); ++i) pages_[event.blocks[i]] = told_[i];
  tell(KvChange::stored, told_);
}

void KvIndex::remove(const KvEvent& event, const Tell& tell) {
  told_.clear();
  for (const std::uint64_t block : event.blocks) {
    const auto page = pages_.find(block);
    if (page == pages_.end()) continue;
    told_.push_back(page->second);
    pages_.erase(page);
  }
  if (!told_.empty()) tell(KvChange::removed, told_);
}

}  // namespace infbench::live
