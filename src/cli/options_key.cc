#include "cli/options_key.h"

#include <CLI/CLI.hpp>

#include "recipe/text_rules.h"

namespace infbench::cli {

CLI::Option* add_api_key(CLI::App& command, std::string& key, const std::string& what) {
  // It goes into a header as it is. Empty is none.
  const CLI::Validator one_word(
      [](const std::string& word) { return word.empty() ? std::string() : std::string(recipe::check_key(word)); }, "");
  return command.add_option("--api-key", key, what + "; better by $SRTCTL_API_KEY")
      ->envname("SRTCTL_API_KEY")
      ->check(one_word)
      ->type_name("KEY");
}

}  // namespace infbench::cli
