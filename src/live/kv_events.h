// KV events: what sglang, vLLM and `srtctl serve` publish of their prefix caches, from bytes to values and back, and KvIndex:
// one worker's events as changes of pages that a router's prompts are made of. Pure but for KvIndex: one owner, one thread.
//
// A batch is MessagePack: [time, [event...], rank]; an event is an array that begins with its type (sglang, and vLLM up to
// 0.11) or a map with its type under "type" (vLLM after that). Block hashes are the engine's own, integers or bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "live/gateway.h"

namespace infbench::live {

struct KvEvent {
  enum class What : std::uint8_t { stored, removed, cleared };
  What what = What::stored;
  std::vector<std::uint64_t> blocks;     // hashes; those that are bytes were hashed once more
  std::optional<std::uint64_t> parent;   // stored: the block before the first; none: a prompt begins with it
  std::vector<std::uint32_t> token_ids;  // stored: of all blocks; empty: the hashes are infbench's own (srtctl serve)
  Tokens block_size = 0;                 // stored: tokens in a block
  bool of_use = true;                    // false: of a LoRA adapter, or not on the GPU
};

struct KvBatch {
  double epoch_s = 0;
  std::vector<KvEvent> events;
};

// None: not a batch of events. Events of unknown types are passed over.
std::optional<KvBatch> read_kv_batch(std::string_view payload);
std::string write_kv_batch(const KvBatch& batch);

class KvIndex {
 public:
  using Tell = std::function<void(KvChange change, std::span<const PageHash> pages)>;

  // `page`: tokens in the pages of the router's prompts; token ids in blocks of other sizes cannot be matched.
  explicit KvIndex(Tokens page) : page_(page) {}

  // One message, in order of arrival. After a number was left out (or if the first is not 0) what the worker holds is not
  // known: the index is dropped, which `tell` hears as lost, and learned anew.
  void take(std::uint64_t sequence, std::string_view payload, const Tell& tell);

  std::uint64_t batches() const { return batches_; }
  std::uint64_t losses() const { return losses_; }
  std::size_t blocks() const { return pages_.size(); }
  bool complete() const { return complete_; }  // all that the worker holds is known

 private:
  void apply(const KvEvent& event, const Tell& tell);
  void store(const KvEvent& event, const Tell& tell);
  void remove(const KvEvent& event, const Tell& tell);
  void clear(KvChange why, const Tell& tell);

  Tokens page_;
  std::uint64_t next_ = 0;
  std::unordered_map<std::uint64_t, PageHash> pages_;  // by the engine's block
  std::vector<PageHash> told_;
  std::uint64_t batches_ = 0;
  std::uint64_t losses_ = 0;
  bool complete_ = false;
};

}  // namespace infbench::live
