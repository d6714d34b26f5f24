// ServeSettings: all that one worker of `serve` is told, and the words its answers are made of. Values; what they point to is
// immutable and outlives the worker, so threads share it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "cost/model.h"
#include "engine/links.h"
#include "engine/worker.h"
#include "live/kv_publishing.h"
#include "live/model_clock.h"
#include "net/text_tokens.h"

namespace infbench::live {

// The words of the list, and how each stands in a JSON string. Immutable: share by const reference between threads.
class Vocabulary {
 public:
  explicit Vocabulary(net::WordList words);

  const net::WordList& words() const { return words_; }
  std::string_view word(std::size_t index) const { return words_.word(index); }
  std::string_view escaped(std::size_t index) const { return escaped_[index]; }
  // Which word token `k` (from 0) of an answer is, when the request's content hashes to `content`.
  std::size_t index_of(std::uint64_t content, Tokens k) const;

 private:
  net::WordList words_;
  std::vector<std::string> escaped_;
};

// The chat template's own tokens: they count, but are not part of the prompt's identity.
inline constexpr Tokens kChatTemplateTokens = 8;

struct ServeSettings {
  std::uint32_t index = 0;  // among the workers of this process; the Server sets it
  std::string model_name;   // as clients ask for it
  std::string model_path;
  std::string host = "127.0.0.1";
  int port = 0;            // 0: a free one
  int bootstrap_port = 0;  // prefill; 0: a free one
  int tp = 1;
  double mem_fraction_static = 0;
  engine::WorkerConfig config;
  std::shared_ptr<const cost::Model> model;
  const Vocabulary* vocabulary = nullptr;
  ModelClock clock;
  std::int64_t start_epoch_ns = 0;  // of clock.start
  Duration room_timeout = seconds(300);
  engine::LinkSpec link = engine::kAcrossNodes;
  std::optional<KvPublishing> kv_events;
  bool truth_log = false;  // the Server sets it
};

}  // namespace infbench::live
