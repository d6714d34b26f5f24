#include "net/text_tokens.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "net/word_data.h"

namespace infbench::net {
namespace {

constexpr std::size_t kPieceBytes = 4;  // of text that is no word of the list
constexpr std::uint64_t kTopBits = 0x8080808080808080ULL;

// The top bit of each byte that is one of a to z.
std::uint64_t lower_case(std::uint64_t bytes) {
  const std::uint64_t low = bytes & ~kTopBits;
  const std::uint64_t from_a = low + 0x1f1f1f1f1f1f1f1fULL;  // 0x80 - 'a'
  const std::uint64_t past_z = low + 0x0505050505050505ULL;  // 0x80 - ('z' + 1)
  return from_a & ~past_z & ~bytes & kTopBits;
}

// How many bytes from the first on are lower case.
unsigned leading(std::uint64_t lower_case_bits) {
  return static_cast<unsigned>(std::countr_zero(lower_case_bits ^ kTopBits)) / 8;
}

std::uint64_t first_bytes(std::uint64_t bytes, unsigned count) {
  return count == 8 ? bytes : bytes & ((1ULL << 8U * count) - 1);
}

bool continues_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || ((byte | 0x20U) >= 'a' && (byte | 0x20U) <= 'z');
}

// The length of the listed word that stands at the front of `text`, or 0.
std::size_t listed_word(const WordList::Data& words, std::string_view text) {
  WordKey key;
  if (text.size() >= sizeof key) {
    std::memcpy(&key, text.data(), sizeof key);
  } else {
    std::memcpy(&key, text.data(), text.size());
  }
  unsigned length = leading(lower_case(key.first));
  key.first = first_bytes(key.first, length);
  if (length == 8) {
    const unsigned more = leading(lower_case(key.second));
    key.second = first_bytes(key.second, more);
    length += more;
  } else {
    key.second = 0;
  }
  if (length == 0 || (length < text.size() && continues_word(text[length]))) return 0;
  return words.contains(key) ? length : 0;
}

// Cuts a text into words of the list and what stands between them: on_word(begin, end) with the leading space,
// on_stretch(begin, end).
template <typename OnWord, typename OnStretch>
void cut(const WordList::Data& words, std::string_view text, const OnWord& on_word, const OnStretch& on_stretch) {
  std::size_t stretch = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t letters = at + (text[at] == ' ' ? 1 : 0);
    const std::size_t length = listed_word(words, text.substr(letters));
    std::size_t end = letters + length;
    if (length > 0) {
      if (stretch < at) on_stretch(stretch, at);
      on_word(at, end);
      stretch = end;
    }
    // A word can begin at a space only.
    at = end < text.size() && text[end] == ' ' ? end : std::min(text.find(' ', end), text.size());
  }
  if (stretch < text.size()) on_stretch(stretch, text.size());
}

Tokens pieces_in(std::size_t bytes) { return static_cast<Tokens>((bytes + kPieceBytes - 1) / kPieceBytes); }

// Makes pages of tokens as they come.
class Pages {
 public:
  Pages(std::string_view text, Tokens page_tokens, std::vector<PageHash>& out)
      : text_(text), page_tokens_(page_tokens), out_(out) {}

  // Bytes alone do not tell a word at the end of a page from pieces of a longer one: the seed does.
  void add_word(std::size_t end) {
    if (++in_page_ == page_tokens_) finish(end, 1);
  }
  void add_stretch(std::size_t begin, std::size_t end) {
    for (Tokens pieces = pieces_in(end - begin); pieces > 0;) {
      const Tokens taken = std::min(pieces, page_tokens_ - in_page_);
      begin = std::min(begin + static_cast<std::size_t>(taken) * kPieceBytes, end);
      pieces -= taken;
      in_page_ += taken;
      if (in_page_ == page_tokens_) finish(begin, 0);
    }
  }
  Tokens tokens() const { return static_cast<Tokens>(out_.size()) * page_tokens_ + in_page_; }

 private:
  void finish(std::size_t end, std::uint64_t seed) {
    last_ = chain(last_, hash_bytes(text_.substr(begin_, end - begin_), seed));
    out_.push_back(last_);
    begin_ = end;
    in_page_ = 0;
  }

  std::string_view text_;
  Tokens page_tokens_;
  std::vector<PageHash>& out_;
  std::size_t begin_ = 0;
  Tokens in_page_ = 0;
  PageHash last_;
};

// Numbers below 2^bits: first those that spell the block's 128-bit name, then random ones that follow from it.
class BlockNumbers {
 public:
  // (id, seed) -> (low_, high_) is one to one, and so is id -> low_ for each seed: mix64 is.
  BlockNumbers(std::uint64_t id, std::uint64_t seed, unsigned bits)
      : low_(mix64(id ^ mix64(seed))),
        high_(mix64(seed ^ std::rotl(low_, 32))),
        random_(low_ ^ std::rotl(high_, 17)),
        bits_(bits) {}

  std::uint64_t next() {
    if (left_ < static_cast<int>(bits_)) refill();
    const std::uint64_t number = low_ & ((1ULL << bits_) - 1);
    low_ = low_ >> bits_ | high_ << (64 - bits_);
    high_ >>= bits_;
    left_ -= static_cast<int>(bits_);
    return number;
  }

 private:
  // Behind the bits that are left, so that none is lost.
  void refill() {
    const std::uint64_t more = random_.next();
    if (left_ > 0) {
      low_ |= more << left_;
      high_ = more >> (64 - left_);
    } else {
      low_ = more;
      high_ = 0;
    }
    left_ += 64;
  }

  std::uint64_t low_;
  std::uint64_t high_;
  Random random_;
  unsigned bits_;
  int left_ = 128;
};

}  // namespace

Tokens count_tokens(const WordList& words, std::string_view text) {
  Tokens tokens = 0;
  cut(
      words.data(), text, [&](std::size_t, std::size_t) { ++tokens; },
      [&](std::size_t begin, std::size_t end) { tokens += pieces_in(end - begin); });
  return tokens;
}

Tokens pages_of_text(const WordList& words, std::string_view text, Tokens page_tokens, std::vector<PageHash>& out) {
  INFBENCH_CHECK(page_tokens >= 1);
  out.clear();
  Pages pages(text, page_tokens, out);
  cut(
      words.data(), text, [&](std::size_t, std::size_t end) { pages.add_word(end); },
      [&](std::size_t begin, std::size_t end) { pages.add_stretch(begin, end); });
  return pages.tokens();
}

PageHash page_of_ids(PageHash previous, std::span<const std::uint32_t> ids) {
  const auto* bytes = reinterpret_cast<const char*>(ids.data());
  return chain(previous, hash_bytes({bytes, ids.size_bytes()}, 1));
}

void pages_of_ids(std::span<const std::uint32_t> ids, Tokens page_tokens, std::vector<PageHash>& out) {
  out.clear();
  const auto page = static_cast<std::size_t>(page_tokens);
  for (; ids.size() >= page; ids = ids.subspan(page))
    out.push_back(page_of_ids(out.empty() ? PageHash{} : out.back(), ids.first(page)));
}

void append_block_text(const WordList& words, std::uint64_t hash_id, std::uint64_t seed, Tokens tokens, std::string& out) {
  INFBENCH_CHECK(tokens >= 0);
  const WordList::Data& data = words.data();
  constexpr std::size_t kWordBytes = sizeof(WordList::Data::PromptWord);
  static_assert(kWordBytes == 16);
  const std::size_t before = out.size();
  out.resize(before + static_cast<std::size_t>(tokens) * kWordBytes);
  BlockNumbers numbers(hash_id, seed, data.prompt_bits);
  char* to = out.data() + before;
  for (Tokens i = 0; i < tokens; ++i) {
    // Copied whole, as one load and one store; the next word overwrites what is too much.
    const WordList::Data::PromptWord& word = data.prompt_words[numbers.next()];
    std::memcpy(to, &word, kWordBytes);
    to += word.size;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

}  // namespace infbench::net
