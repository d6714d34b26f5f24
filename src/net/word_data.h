// WordList::Data: the words, a hash table of them that a 48 KB text can be looked up in within microseconds, and those that
// make prompts. Private to net/. Immutable after make_word_data().
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/text_tokens.h"

namespace infbench::net {

static_assert(std::endian::native == std::endian::little, "WordKey is read from text as it stands");

// Up to 16 letters as two numbers, the rest zero.
struct WordKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  friend bool operator==(WordKey, WordKey) = default;
};

struct WordList::Data {
  static constexpr std::size_t kLongestWord = 16;  // letters

  struct PromptWord {
    std::array<char, 15> text{};  // with its leading space; padded, so that it can be copied whole
    std::uint8_t size = 0;
  };

  std::string text;                   // " and but..."
  std::vector<std::uint32_t> starts;  // of the words in `text`, and its end
  std::vector<WordKey> table;         // open addressing, a power of two places, at most half of them taken
  unsigned table_shift = 0;
  std::vector<PromptWord> prompt_words;  // 2^prompt_bits of them
  unsigned prompt_bits = 0;

  std::size_t place_of(WordKey key) const {
    const std::uint64_t mixed = (key.first ^ key.second * 0x9e3779b97f4a7c15ULL) * 0xd6e8feb86659fd93ULL;
    return mixed >> table_shift;
  }
  bool contains(WordKey key) const {
    for (std::size_t place = place_of(key);; place = (place + 1) & (table.size() - 1)) {
      if (table[place] == key) return true;
      if (table[place] == WordKey{}) return false;
    }
  }
};

inline WordKey key_of(std::string_view letters) {
  WordKey key;
  std::memcpy(&key, letters.data(), std::min(letters.size(), WordList::Data::kLongestWord));
  return key;
}

// From words of 1 to 16 lower-case letters without space, in any order, maybe repeated.
std::shared_ptr<const WordList::Data> make_word_data(std::vector<std::string_view> words);

}  // namespace infbench::net
