#include "recipe/read_recipe.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "recipe/findings.h"
#include "recipe/overrides.h"
#include "recipe/read_tree.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {
namespace {

Error file_error(const std::string& path, std::string what, std::string hint = {}) {
  return {.what = std::move(what), .hint = std::move(hint), .file = path, .source_line = {}};
}

Result<std::string> read_file(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (file == nullptr) return fail(file_error(path, fmt::format("cannot be opened: {}", std::strerror(errno))));
  std::string text(kMostRecipeBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return fail(file_error(path, fmt::format("cannot be read: {}", std::strerror(errno))));
  return text;
}

}  // namespace

Result<Recipe> read_recipe_text(std::string_view text, const std::string& file, std::span<const std::string> sets) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.size() > kMostRecipeBytes) {
    return fail(file_error(file, fmt::format("expected a recipe of at most {} bytes", kMostRecipeBytes), "is it a recipe?"));
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Findings findings;
  findings.add_file(file, text);
  std::optional<Tree> tree = parse_yaml(text, {0, 1, 1}, findings);
  if (!tree.has_value()) {
    if (findings.empty()) findings.add({0, 1, 1}, "the file is empty", "a recipe begins with name: and model:");
    return fail(findings.take());
  }
  Recipe recipe;
  recipe.file = file;
  if (tree->root.kind == Node::Kind::map) apply_overrides(sets, tree->root, findings);
  read_tree(*tree, Cluster{}, recipe, findings);
  if (!findings.empty()) return fail(findings.take());
  return recipe;
}

Result<Recipe> read_recipe(const std::string& path, std::span<const std::string> sets) {
  Result<std::string> text = read_file(path);
  if (!text.has_value()) return fail(std::move(text.error()));
  return read_recipe_text(*text, path, sets);
}

}  // namespace infbench::recipe
