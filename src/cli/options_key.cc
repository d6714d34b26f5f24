#include "cli/options_key.h"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace infbench::cli {

CLI::Option* add_api_key(CLI::App& command, std::string& key, const std::string& what) {
  // It goes into a header as it is. The message does not repeat it.
  const CLI::Validator one_word(
      [](const std::string& word) {
        const bool visible = std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < '\x7f'; });
        return visible ? std::string() : std::string("expected a key of visible ASCII characters");
      },
      "");
  return command.add_option("--api-key", key, what + "; better by $SRTCTL_API_KEY")
      ->envname("SRTCTL_API_KEY")
      ->check(one_word)
      ->type_name("KEY");
}

}  // namespace infbench::cli
