// Text and tokens: one way to count and to make prompt text for serve, gateway and client, so that all three agree.
//
// A space-led word (or a word at the start of a text) of the list is one token, any other stretch of text ceil(bytes / 4)
// tokens. A word ends before the first byte that is neither an ASCII letter nor part of a character beyond ASCII. The words of
// the list are single tokens, space-led, in the vocabularies of Qwen, Llama 3 and GPT (data/words.txt). With a tokenizer.json
// the word list is chosen from its vocabulary, and prompts are exact there, because byte-pair tokenizers split at spaces first.
// Immutable after loading: share by const reference between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace infbench::net {

class WordList {
 public:
  // The built-in list, from `data_dir`/words.txt. Errors: it cannot be read; a line is not a word or not in order.
  static Result<WordList> built_in(const std::string& data_dir);
  // The lower-case ASCII words that are single tokens of a tokenizer.json (or of the one in a folder) as Hugging Face writes
  // it: a BPE model, byte-level (a leading space is U+0120) or SentencePiece (U+2581). Errors: it cannot be read, is not JSON,
  // is of another kind, or has fewer than 256 such words.
  static Result<WordList> from_tokenizer(const std::string& path);

  std::size_t size() const;
  std::string_view word(std::size_t index) const;  // with its leading space; sorted
  bool contains(std::string_view space_led_word) const;

  struct Data;
  explicit WordList(std::shared_ptr<const Data> data);
  const Data& data() const { return *data_; }

 private:
  std::shared_ptr<const Data> data_;  // copies share it
};

// Tokens of a text by the rule above.
Tokens count_tokens(const WordList& words, std::string_view text);

// Page hashes of a text, in `out` (emptied first): chained over pages of `page_tokens` tokens (at least 1) counted by the rule
// above, full pages only. Two texts share pages exactly as far as their tokens are equal in whole pages. Returns the text's
// tokens, as count_tokens() does.
Tokens pages_of_text(const WordList& words, std::string_view text, Tokens page_tokens, std::vector<PageHash>& out);

// The same of token ids. page_of_ids: the page after `previous` that holds exactly these.
PageHash page_of_ids(PageHash previous, std::span<const std::uint32_t> ids);
void pages_of_ids(std::span<const std::uint32_t> ids, Tokens page_tokens, std::vector<PageHash>& out);

// Appends the text of block `hash_id`: exactly `tokens` words, each with its leading space. The text of fewer tokens is a
// prefix of the text of more. Equal for equal id and seed; different for any two ids of one seed from kUniqueTokens tokens on,
// for any two pairs of id and seed from twice as many on. Made of the shortest words of at least 3 letters (2^12 of them, of a
// small list the largest power of two that there is), so that a token has about as many bytes as in English text.
inline constexpr Tokens kUniqueTokens = 8;
void append_block_text(const WordList& words, std::uint64_t hash_id, std::uint64_t seed, Tokens tokens, std::string& out);

}  // namespace infbench::net
