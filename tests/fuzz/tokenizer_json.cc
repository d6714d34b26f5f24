// A tokenizer.json, and prompts made of its words.
#include "base/hash.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  constexpr Tokens kTokens = 50;
  const std::string_view text = text_of(data, size);
  const MemoryFile file(text);
  const auto list = net::WordList::from_tokenizer(file.path());
  if (!list) {
    check_errors(list.error(), text);
    return 0;
  }
  for (std::size_t i = 0; i < list->size(); ++i) require(list->contains(list->word(i)), "a word of the list is in it");
  std::string prompt;
  net::append_block_text(*list, hash_bytes(text), 1, kTokens, prompt);
  require(net::count_tokens(*list, prompt) == kTokens, "a prompt has the tokens it was made of");
  std::vector<PageHash> pages;
  require(net::pages_of_text(*list, text, 4, pages) == net::count_tokens(*list, text), "tokens are counted in one way");
  return 0;
}
