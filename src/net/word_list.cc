#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/check.h"
#include "net/text_tokens.h"
#include "net/word_data.h"

namespace infbench::net {
namespace {

constexpr std::size_t kFewestWords = 256;
constexpr std::size_t kMostPromptWords = 4096;
constexpr std::size_t kShortestPromptWord = 3;  // letters

bool is_word(std::string_view letters) {
  return !letters.empty() && letters.size() <= WordList::Data::kLongestWord &&
         std::all_of(letters.begin(), letters.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

void fill_table(WordList::Data& data, const std::vector<std::string_view>& words) {
  const std::size_t places = std::bit_ceil(std::max<std::size_t>(words.size(), 1) * 2);
  data.table.resize(places);
  data.table_shift = 64U - static_cast<unsigned>(std::countr_zero(places));
  for (const std::string_view word : words) {
    std::size_t place = data.place_of(key_of(word));
    while (data.table[place] != WordKey{}) place = (place + 1) & (places - 1);
    data.table[place] = key_of(word);
  }
}

void choose_prompt_words(WordList::Data& data, std::vector<std::string_view> words) {
  constexpr std::size_t kLongest = std::tuple_size_v<decltype(WordList::Data::PromptWord::text)> - 1;
  std::erase_if(words, [](std::string_view word) { return word.size() < kShortestPromptWord || word.size() > kLongest; });
  std::stable_sort(words.begin(), words.end(), [](auto a, auto b) { return a.size() < b.size(); });
  words.resize(std::bit_floor(std::min(words.size(), kMostPromptWords)));
  for (const std::string_view word : words) {
    auto& made = data.prompt_words.emplace_back();
    made.text[0] = ' ';
    std::copy(word.begin(), word.end(), made.text.begin() + 1);
    made.size = static_cast<std::uint8_t>(word.size() + 1);
  }
  data.prompt_bits = static_cast<unsigned>(std::countr_zero(words.size()));
}

Result<std::string> read_file(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file)
    return fail(
        Error{.what = fmt::format("cannot be read: {}", std::strerror(errno)), .hint = {}, .file = path, .source_line = {}});
  std::string text;
  std::array<char, 65536> piece;
  for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), file.get())) > 0;) text.append(piece.data(), got);
  if (std::ferror(file.get()) != 0)
    return fail(Error{.what = "cannot be read to its end", .hint = {}, .file = path, .source_line = {}});
  return text;
}

// The words of one text, a line each.
Result<std::vector<std::string_view>> split_words(const std::string& path, std::string_view text) {
  Errors errors;
  std::vector<std::string_view> words;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const char* wrong = !is_word(word)                           ? "expected a word of 1 to 16 lower-case letters"
                        : !words.empty() && word <= words.back() ? "expected words in order, each once"
                                                                 : nullptr;
    if (wrong != nullptr) {
      errors.push_back({.what = wrong, .hint = {}, .file = path, .line = line, .column = 1, .source_line = std::string(word)});
      if (errors.size() == 10) break;
    } else {
      words.push_back(word);
    }
  }
  if (!errors.empty()) return fail(std::move(errors));
  return words;
}

// What the tokens that a space leads begin with, as byte-level and as SentencePiece vocabularies write the space.
constexpr std::string_view kByteLevelSpace = "\xC4\xA0";
constexpr std::string_view kSentencePieceSpace = "\xE2\x96\x81";

std::vector<std::string_view> words_led_by(std::string_view space, simdjson::dom::object vocabulary) {
  std::vector<std::string_view> words;
  for (const auto field : vocabulary) {
    if (field.key.substr(0, space.size()) != space) continue;
    const std::string_view letters = field.key.substr(space.size());
    if (is_word(letters)) words.push_back(letters);
  }
  return words;
}

// The vocabulary of a byte-pair model, or what is wrong.
tl::expected<simdjson::dom::object, std::string> vocabulary_of(simdjson::dom::element document) {
  simdjson::dom::object model;
  if (document["model"].get(model) != simdjson::SUCCESS) return tl::unexpected<std::string>("expected an object \"model\"");
  std::string_view type = "BPE";  // old files do not say
  const auto error = model["type"].get(type);
  if (error == simdjson::INCORRECT_TYPE) return tl::unexpected<std::string>("expected a string as \"model.type\"");
  if (type != "BPE") return tl::unexpected(fmt::format("expected a byte-pair tokenizer (\"model.type\" BPE), found {}", type));
  simdjson::dom::object vocabulary;
  if (model["vocab"].get(vocabulary) != simdjson::SUCCESS)
    return tl::unexpected<std::string>("expected an object \"model.vocab\"");
  return vocabulary;
}

}  // namespace

std::shared_ptr<const WordList::Data> make_word_data(std::vector<std::string_view> words) {
  if (!std::is_sorted(words.begin(), words.end())) std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  auto data = std::make_shared<WordList::Data>();
  for (const std::string_view word : words) {
    data->starts.push_back(static_cast<std::uint32_t>(data->text.size()));
    data->text.append(" ").append(word);
  }
  data->starts.push_back(static_cast<std::uint32_t>(data->text.size()));
  fill_table(*data, words);
  choose_prompt_words(*data, std::move(words));
  return data;
}

Result<WordList> WordList::built_in(const std::string& data_dir) {
  const std::string path = data_dir + "/words.txt";
  const auto text = read_file(path);
  if (!text) return fail(text.error());
  auto words = split_words(path, *text);
  if (!words) return fail(std::move(words.error()));
  auto data = make_word_data(std::move(*words));
  if (data->prompt_words.size() < kFewestWords) {
    return fail(Error{.what = "expected at least 256 words of 3 letters or more", .hint = {}, .file = path, .source_line = {}});
  }
  return WordList(std::move(data));
}

Result<WordList> WordList::from_tokenizer(const std::string& path) {
  std::error_code ignored;
  const std::string file = std::filesystem::is_directory(path, ignored) ? path + "/tokenizer.json" : path;
  const auto wrong = [&](std::string what, std::string hint = {}) {
    return fail(Error{.what = std::move(what), .hint = std::move(hint), .file = file, .source_line = {}});
  };
  const auto text = read_file(file);
  if (!text) return fail(text.error());
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (const auto error = parser.parse(*text).get(document))
    return wrong(fmt::format("not JSON: {}", simdjson::error_message(error)));
  const auto vocabulary = vocabulary_of(document);
  if (!vocabulary) return wrong(vocabulary.error(), "it must be the tokenizer.json that Hugging Face's tokenizers write");
  auto words = words_led_by(kByteLevelSpace, *vocabulary);
  if (words.empty()) words = words_led_by(kSentencePieceSpace, *vocabulary);
  auto data = make_word_data(std::move(words));
  if (data->prompt_words.size() < kFewestWords) {
    return wrong(fmt::format("expected at least {} lower-case words that are one token, found {}", kFewestWords,
                             data->starts.size() - 1));
  }
  return WordList(std::move(data));
}

WordList::WordList(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

std::size_t WordList::size() const { return data_->starts.size() - 1; }

std::string_view WordList::word(std::size_t index) const {
  INFBENCH_CHECK(index < size());
  return std::string_view(data_->text).substr(data_->starts[index], data_->starts[index + 1] - data_->starts[index]);
}

bool WordList::contains(std::string_view space_led_word) const {
  if (space_led_word.empty() || space_led_word.front() != ' ') return false;
  space_led_word.remove_prefix(1);
  return is_word(space_led_word) && data_->contains(key_of(space_led_word));
}

}  // namespace infbench::net
