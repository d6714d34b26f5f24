#include "cli/secret_words.h"

#include <algorithm>
#include <string_view>

#include "recipe/secrets.h"

namespace infbench::cli {
namespace {

bool takes_secrets(std::string_view option) { return option == "--api-key" || option == "--header" || option == "-H"; }

// Of "environment.HF_TOKEN=x" what recipe::line_without_secrets() leaves.
std::size_t kept_of_set(std::string_view text) {
  const std::string shown = recipe::line_without_secrets(text);
  if (shown == text) return std::string_view::npos;
  return static_cast<std::size_t>(std::ranges::mismatch(shown, text).in2 - text.begin());
}

}  // namespace

std::vector<std::size_t> secrets_in(int argc, const char* const* argv) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::vector<std::size_t> from;
  std::string_view option;  // whose values come
  for (int i = 0; i < argc; ++i) {
    const std::string_view word = argv[i];
    std::size_t value = 0;
    if (word.size() > 1 && word.front() == '-') {
      const bool attached = word[1] != '-' && word.size() > 2;  // -HName:value
      option = word.substr(0, attached ? 2 : word.find('='));
      value = std::min(word.size(), option.size() + (word.substr(option.size()).starts_with('=') ? 1 : 0));
    }
    const bool has_value = value < word.size();
    const std::size_t of_set = option == "--set" ? kept_of_set(word.substr(value)) : kNone;
    from.push_back(!has_value ? kNone : takes_secrets(option) ? value : of_set == kNone ? kNone : value + of_set);
  }
  return from;
}

std::string command_line_of(int argc, const char* const* argv) {
  const std::vector<std::size_t> secrets = secrets_in(argc, argv);
  std::string line = "srtctl";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::size_t secret = secrets[static_cast<std::size_t>(i)];
    if (secret != std::string_view::npos) {
      line.append(" ").append(word.substr(0, secret)).append("<redacted>");
      continue;
    }
    const bool plain = word.find_first_of(" '\"\\$&|;<>()*?") == std::string_view::npos && !word.empty();
    line.append(plain ? " " : " '").append(word).append(plain ? "" : "'");
  }
  return line;
}

void hide_secrets(int argc, char** argv) {
  const std::vector<std::size_t> secrets = secrets_in(argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::size_t begin = std::min(secrets[static_cast<std::size_t>(i)], word.size());
    std::fill(argv[i] + begin, argv[i] + word.size(), '*');
  }
}

}  // namespace infbench::cli
