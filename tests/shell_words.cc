#include "shell_words.h"

namespace infbench::tests {

std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = 0;
  const auto end_word = [&] {
    if (begun) words.push_back(word);
    word.clear();
    begun = false;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
      continue;
    }
    if (c == '#' && !begun) break;
    if (c == '|' || c == '>' || c == '<' || c == '&' || c == ';') break;
    if (c == ' ' || c == '\n') {
      end_word();
      continue;
    }
    begun = true;
    if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '\\' && i + 1 < line.size()) {
      if (line[++i] != '\n') word += line[i];
      begun = !word.empty();
    } else {
      word += c;
    }
  }
  end_word();
  return words;
}

}  // namespace infbench::tests
