// Text and tokens: one way to count and to make prompt text for serve, gateway and client, so that all three agree.
//
// Without a tokenizer a space-led word (or a word at the start of a text) of the built-in list is one token, any other stretch of text
// ceil(bytes / 4) tokens. The words of the list are single tokens, space-led, in the vocabularies of Qwen, Llama 3 and GPT (data/words.txt). With a
// tokenizer.json the word list is chosen from its vocabulary, and prompts are exact there, because byte-pair tokenizers split at spaces
// first. Immutable after loading: share by const reference between threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace infbench::net {

class WordList {
 public:
  // The built-in list, from `data_dir`/words.txt.
  static Result<WordList> built_in(const std::string& data_dir);
  // The single-token words of a tokenizer.json (or of the one in a folder).
  static Result<WordList> from_tokenizer(const std::string& path);

  std::size_t size() const { return words_.size(); }
  std::string_view word(std::size_t index) const { return words_[index]; }  // with its leading space
  bool contains(std::string_view space_led_word) const;

 private:
  std::vector<std::string> words_;  // sorted
};

// Tokens of a text by the rule above.
Tokens count_tokens(const WordList& words, std::string_view text);

// Page hashes of a text: chained over pages of `page_tokens` tokens counted by the rule above, full pages only.
void pages_of_text(const WordList& words, std::string_view text, Tokens page_tokens, std::vector<PageHash>& out);

// Appends the text of block `hash_id`: exactly `tokens` words (<= 512 for a partial one; a prefix of the full block's), different for every id
// and seed, the same for the same id and seed.
void append_block_text(const WordList& words, std::uint64_t hash_id, std::uint64_t seed, Tokens tokens, std::string& out);

}  // namespace infbench::net
