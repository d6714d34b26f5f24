#include "recipe/text_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

namespace infbench::recipe {

Result<std::string> read_text_file(const std::string& path, const std::string& hint) {
  const auto failed = [&](std::string_view what) {
    return fail(Error{
        .what = fmt::format("cannot be {}: {}", what, std::strerror(errno)), .hint = hint, .file = path, .source_line = {}});
  };
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (file == nullptr) return failed("opened");
  std::string text(kMostRecipeBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return failed("read");
  return text;
}

}  // namespace infbench::recipe
