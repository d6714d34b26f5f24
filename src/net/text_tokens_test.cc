#include "net/text_tokens.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <unordered_set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/hash.h"

namespace infbench::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const WordList& words() {
  static const WordList loaded = WordList::built_in("data").value();
  return loaded;
}

std::string block(std::uint64_t id, std::uint64_t seed, Tokens tokens = 512) {
  std::string text;
  append_block_text(words(), id, seed, tokens, text);
  return text;
}

std::string write(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(WordList, BuiltIn) {
  EXPECT_GT(words().size(), 20'000U);
  for (const char* word : {" the", " and", " token", " cache", " interesting"}) EXPECT_TRUE(words().contains(word)) << word;
  for (const char* word : {"the", " The", " the ", " xqzkw", " ", "", " of", " internationalisations"}) {
    EXPECT_FALSE(words().contains(word)) << word;
  }
  std::string before;
  for (std::size_t i = 0; i < words().size(); ++i) {
    EXPECT_TRUE(words().contains(words().word(i)));
    EXPECT_LT(before, words().word(i));
    before = words().word(i);
  }
}

TEST(WordList, SaysWhichLinesAreWrong) {
  write("words.txt", "abc\nb2\nzzz\nabd\n\n");
  const auto read = WordList::built_in(::testing::TempDir());
  ASSERT_FALSE(read);
  std::vector<int> lines;
  for (const Error& error : read.error()) lines.push_back(error.line);
  EXPECT_THAT(lines, ElementsAre(2, 4, 5));
  EXPECT_THAT(WordList::built_in("/nowhere").error().front().what, HasSubstr("No such file"));
  write("words.txt", "abc\nabd\n");
  EXPECT_THAT(WordList::built_in(::testing::TempDir()).error().front().what, HasSubstr("at least 256"));
}

// A vocabulary with `count` words of three letters behind `space`, and things that are not such words.
std::string tokenizer(const std::string& space, int count, const std::string& type = R"("type":"BPE",)") {
  std::string vocabulary = R"("a":0,"the":1,"\n":2,")" + space + R"(THE":3,")" + space + R"(a1":4,")" + space + R"(if":5)";
  for (int i = 0; i < count; ++i) {
    const std::string word{static_cast<char>('a' + i / 26 / 26), static_cast<char>('a' + i / 26 % 26),
                           static_cast<char>('a' + i % 26)};
    vocabulary += ",\"" + space + word + "\":" + std::to_string(i + 6);
  }
  return R"({"version":"1.0","model":{)" + type + R"("vocab":{)" + vocabulary + R"(},"merges":[["a","b"]]},"tail":null})";
}

TEST(WordList, FromATokenizer) {
  for (const char* space : {"\u0120", "\\u0120", "\u2581"}) {
    const auto read = WordList::from_tokenizer(write("tokenizer.json", tokenizer(space, 300)));
    ASSERT_TRUE(read) << format_errors(read.error());
    EXPECT_EQ(read->size(), 301U);
    EXPECT_TRUE(read->contains(" if"));
    EXPECT_TRUE(read->contains(" aab"));
    EXPECT_FALSE(read->contains(" the"));
    std::string text;
    append_block_text(*read, 7, 1, 100, text);
    EXPECT_EQ(count_tokens(*read, text), 100);
    EXPECT_EQ(text.size(), 400U);  // three letters each: "if" makes no prompts
  }
  EXPECT_TRUE(WordList::from_tokenizer(::testing::TempDir()));  // the folder
}

TEST(WordList, SaysWhatIsWrongWithATokenizer) {
  const std::string good = tokenizer("\u0120", 300);
  const std::map<std::string, std::string> cases{
      {"", "not JSON"},
      {good.substr(0, good.size() - 20), "not JSON"},
      {"[]", "expected an object \"model\""},
      {"{}", "expected an object \"model\""},
      {R"({"model":{"type":"BPE"}})", "expected an object \"model.vocab\""},
      {R"({"model":{"type":"Unigram","vocab":[["a",0]]}})", "found Unigram"},
      {R"({"model":{"type":3,"vocab":{}}})", "expected a string as \"model.type\""},
      {tokenizer("\u0120", 200), "expected at least 256 lower-case words that are one token, found 201"},
      {tokenizer("_", 300), "found 0"},
  };
  for (const auto& [text, what] : cases) {
    const auto read = WordList::from_tokenizer(write("wrong.json", text));
    ASSERT_FALSE(read) << what;
    EXPECT_THAT(read.error().front().what, HasSubstr(what));
    EXPECT_THAT(read.error().front().file, HasSubstr("wrong.json"));
  }
  EXPECT_THAT(WordList::from_tokenizer("/nowhere/tokenizer.json").error().front().what, HasSubstr("No such file"));
}

// A token of a text: its bytes, and whether it is a word of the list.
using Token = std::pair<std::string, bool>;

// The rule of text_tokens.h, written down as simply as possible.
std::vector<Token> tokens_of(std::string_view text) {
  const auto in_word = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
  };
  std::vector<Token> tokens;
  std::string stretch;
  const auto end_stretch = [&] {
    for (std::size_t i = 0; i < stretch.size(); i += 4) tokens.emplace_back(stretch.substr(i, 4), false);
    stretch.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    if (at == 0 || text[at] == ' ') {
      const std::size_t letters = text[at] == ' ' ? at + 1 : at;
      std::size_t end = letters;
      while (end < text.size() && in_word(text[end])) ++end;
      if (words().contains(" " + std::string(text.substr(letters, end - letters)))) {
        end_stretch();
        tokens.emplace_back(text.substr(at, end - at), true);
        at = end;
        continue;
      }
    }
    stretch += text[at++];
  }
  end_stretch();
  return tokens;
}

TEST(CountTokens, ByTheRule) {
  struct Case {
    const char* text;
    Tokens tokens;
  };
  const std::vector<Case> cases{
      {"", 0},
      {"the", 1},
      {" the", 1},
      {"the token", 2},
      {"The token", 2},                                        // "The": 3 bytes
      {" the token, and", 4},                                  // "," is a stretch
      {" the\ntoken", 3},                                      // "\ntoken" is 6 bytes
      {"  the", 2},                                            // the first space stands alone
      {" themxq", 2},                                          // a word that begins like one of the list
      {" th\xC3\xA9", 2},                                      // goes on with a letter beyond ASCII
      {" xqzkwxqz", 3},                                        // 9 bytes
      {" xqz the xqz", 3},                                     // 4 + word + 4
      {"{\"a\": [1, 2]}", 4},                                  // 13 bytes
      {" interestinginteresting", 6},                          // 23 bytes
      {" characterization characterizations the", 1 + 5 + 1},  // 16 letters may be a word, more never are
  };
  for (const Case& c : cases) {
    EXPECT_EQ(count_tokens(words(), c.text), static_cast<Tokens>(tokens_of(c.text).size())) << c.text;
    EXPECT_EQ(count_tokens(words(), c.text), c.tokens) << c.text;
  }
}

// Text of words, half words and other bytes, so that all kinds of tokens meet.
std::string mixed_text(const std::vector<std::uint32_t>& choices) {
  static const std::vector<std::string> pieces{" the", " and", " token", "token",    " ",   "  ",           ", ",
                                               "x",    "xqz",  " xqzkw", "7",        "\n",  "The",          " abcd",
                                               " was", "s",    "a",      "\xC3\xA9", "{\"", " interesting", " characterization",
                                               "e"};
  std::string text;
  for (const std::uint32_t choice : choices) text += pieces[choice % pieces.size()];
  return text;
}

RC_GTEST_PROP(CountTokens, IsTheRule, (const std::vector<std::uint32_t>& choices)) {
  const std::string text = mixed_text(choices);
  RC_ASSERT(count_tokens(words(), text) == static_cast<Tokens>(tokens_of(text).size()));
}

RC_GTEST_PROP(PagesOfText, AreSharedExactlyAsFarAsTheirTokensAreEqual,
              (const std::vector<std::uint32_t>& same, const std::vector<std::uint32_t>& a,
               const std::vector<std::uint32_t>& b)) {
  const std::string head = mixed_text(same);
  const std::string texts[] = {head + mixed_text(a), head + mixed_text(b)};
  for (const Tokens page_tokens : {1, 2, 3, 5, 16}) {
    std::vector<PageHash> pages[2];
    std::vector<Token> tokens[2];
    for (int i = 0; i < 2; ++i) {
      tokens[i] = tokens_of(texts[i]);
      RC_ASSERT(pages_of_text(words(), texts[i], page_tokens, pages[i]) == static_cast<Tokens>(tokens[i].size()));
      RC_ASSERT(pages[i].size() == tokens[i].size() / static_cast<std::size_t>(page_tokens));
    }
    const auto equal =
        std::mismatch(tokens[0].begin(), tokens[0].end(), tokens[1].begin(), tokens[1].end()).first - tokens[0].begin();
    const auto shared =
        std::mismatch(pages[0].begin(), pages[0].end(), pages[1].begin(), pages[1].end()).first - pages[0].begin();
    RC_ASSERT(shared == equal / page_tokens);
  }
}

TEST(PagesOfText, AWordAtAPageEndIsNotPiecesOfALongerOne) {
  // Both begin with the bytes "xqz abcd" as two tokens: a piece and a word, or two pieces.
  ASSERT_TRUE(words().contains(" rail"));
  std::vector<PageHash> a;
  std::vector<PageHash> b;
  pages_of_text(words(), "xqz rail", 2, a);
  pages_of_text(words(), "xqz railqq", 2, b);
  ASSERT_EQ(a.size(), 1U);
  ASSERT_EQ(b.size(), 1U);
  EXPECT_NE(a, b);
}

TEST(BlockText, HasExactlyAsManyTokensAndIsAPrefixOfMore) {
  for (const std::uint64_t id : {0ULL, 1ULL, 46'000ULL, ~0ULL}) {
    const std::string full = block(id, 42);
    for (const Tokens tokens : {0, 1, 7, 8, 200, 511, 512}) {
      const std::string part = block(id, 42, tokens);
      EXPECT_EQ(count_tokens(words(), part), tokens);
      EXPECT_THAT(full, StartsWith(part));
      EXPECT_TRUE(part.empty() || part.front() == ' ');
    }
    EXPECT_LT(full.size(), 3000U);
  }
  // Blocks join without a seam.
  EXPECT_EQ(count_tokens(words(), block(1, 42) + block(2, 42, 100)), 612);
  EXPECT_THAT(block(1, 1, 0), IsEmpty());
}

// What was sent once must be what is sent next year, on any machine.
TEST(BlockText, IsTheSameForEver) {
  EXPECT_EQ(block(46, 42, 6), " auch grip foc fatt eleg tsl");
  EXPECT_EQ(hash_bytes(block(46, 42)), 9261463268686968161ULL);
}

TEST(BlockText, NoTwoIdsOrSeedsHaveTheSame) {
  std::unordered_set<std::uint64_t> seen;
  constexpr std::uint64_t kIds = 50'000;
  for (const std::uint64_t seed : {0ULL, 1ULL, 42ULL, ~0ULL}) {
    for (std::uint64_t id = 0; id < kIds; ++id) seen.insert(hash_bytes(block(id, seed, kUniqueTokens)));
  }
  EXPECT_EQ(seen.size(), 4 * kIds);
}

RC_GTEST_PROP(BlockText, AnyTwoPairsDiffer,
              (std::uint64_t id_a, std::uint64_t seed_a, std::uint64_t id_b, std::uint64_t seed_b)) {
  RC_ASSERT((block(id_a, seed_a, 2 * kUniqueTokens) == block(id_b, seed_b, 2 * kUniqueTokens)) ==
            (id_a == id_b && seed_a == seed_b));
  RC_ASSERT((block(id_a, seed_a, kUniqueTokens) == block(id_b, seed_a, kUniqueTokens)) == (id_a == id_b));
}

}  // namespace
}  // namespace infbench::net
