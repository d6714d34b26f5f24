// PromptReader: what the gateway has to know of a body to route it: the prompt's identity in blocks, its length, how much it
// may produce. The body itself is forwarded as it came; nothing of the text is kept.
//
// A block is 256 bytes of the prompt's text (a chat's messages, each with its role, one after the other) or 64 token ids; its
// PageHash covers everything before it, so equal hashes mean equal prompts up to there. Tokens are estimated at 4 bytes each.
// Owns the parser's memory: one per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/types.h"
#include "net/openai.h"
#include "net/text_tokens.h"

namespace infbench::live {

inline constexpr Tokens kGatewayPage = 64;  // tokens in a block
inline constexpr std::size_t kGatewayBlockBytes = 256;

struct PromptInfo {
  std::vector<PageHash> pages;
  Tokens input = 0;
  Tokens output_max = 0;              // what max_tokens and the like ask for; 0: not said
  std::size_t chars = 0;              // bytes of the prompt's text
  Tokens page_tokens = kGatewayPage;  // in each of `pages`
  bool told_pages = false;            // named as workers name them that tell of their caches
  std::size_t prompts = 1;            // of a batch: how many
  std::size_t members_at = 0;         // offset behind the body's opening brace: where members can be put in
  bool streamed = false;              // "stream": true
  bool has_members = false;           // something other than the closing brace follows there
  bool names_room = false;            // it has (or, not looked into, may have) a member that only a router may set
};

class PromptReader {
 public:
  // How workers name the pages of prompts that they tell about: token ids, and with `words` texts as `srtctl serve` counts
  // them, by pages of so many tokens. page 0: none tells.
  struct Told {
    Tokens page = 0;
    const net::WordList* words = nullptr;  // outlives the reader
  };

  // Without `pages` those of prompts stay empty: their hashes are a tenth of what a long request costs.
  explicit PromptReader(bool pages = true) : PromptReader(pages, Told{}) {}
  PromptReader(bool pages, const Told& told);
  ~PromptReader();
  PromptReader(PromptReader&&) noexcept;
  PromptReader& operator=(PromptReader&&) noexcept;

  // Bodies above this are not looked into: only their size counts.
  static constexpr std::size_t kReadMax = std::size_t{16} << 20U;

  // `body` is given room behind its end but not changed; `out` is overwritten, its memory used again. Error: it is not JSON, or
  // not an object, or the prompt is of a type that no engine takes.
  tl::expected<void, net::ApiError> read(net::Api api, std::string& body, PromptInfo& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace infbench::live
