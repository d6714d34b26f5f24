#include "cli/literal_prompts.h"

#include <memory>
#include <optional>
#include <string_view>

#include "cli/program_files.h"
#include "live/literal_tokens.h"

namespace infbench::cli {

trace::ReadOptions literal_prompts() {
  auto words = std::make_shared<std::optional<net::WordList>>();
  trace::ReadOptions options;
  options.count = [words](trace::PromptKind kind, std::string_view json) -> Result<trace::CountedPrompt> {
    if (!*words) {
      const auto data = data_dir();
      if (!data) return fail(data.error());
      auto loaded = net::WordList::built_in(*data);
      if (!loaded) return fail(std::move(loaded.error()));
      *words = *std::move(loaded);
    }
    return live::count_literal(**words, kind, json);
  };
  return options;
}

}  // namespace infbench::cli
