#include "recipe/read_recipe.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "recipe/checks.h"
#include "recipe/findings.h"
#include "recipe/known_flags.h"
#include "recipe/overrides.h"
#include "recipe/schema.h"
#include "recipe/section_reader.h"
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

// The mappings of flags, once it is known which programs they are for.
void read_all_flags(const Checked& checked, SectionReader& reader, Recipe& recipe) {
  const auto read = [&](std::string_view path, const FlagTable& table, Flags& into) {
    const Entry* entry = checked.entry(path);
    if (entry != nullptr && checked.fine(path)) reader.read_flags(entry->value, std::string(path), table, into);
    return entry != nullptr;
  };
  // Of a frontend without a valid type nothing is known about its flags.
  if (checked.fine("frontend.type") && !recipe.frontend.type.empty()) {
    read("frontend.args", recipe.frontend.type == "srtctl" ? srtctl_route_flags() : sglang_router_flags(),
         recipe.frontend.args);
  }
  EngineConfig& config = recipe.backend.sglang_config;
  const auto read_role = [&](std::string_view path, std::optional<Flags>& into) {
    Flags flags;
    if (read(path, sglang_server_flags(), flags)) into = std::move(flags);
  };
  read_role("backend.sglang_config.prefill", config.prefill);
  read_role("backend.sglang_config.decode", config.decode);
  read_role("backend.sglang_config.aggregated", config.aggregated);
}

void read_tree(const Tree& tree, Recipe& recipe, Findings& findings) {
  if (!tree.complete && tree.root.kind != Node::Kind::map) return;  // nothing was whole before the syntax error
  SectionReader reader(findings, tree.complete);
  reader.read(bind_schema(recipe), tree.root, "", tree.root.place);
  if (tree.root.kind != Node::Kind::map) return;
  const Checked checked{recipe, tree.root, tree.complete, reader, findings};
  read_all_flags(checked, reader, recipe);
  check_all(checked);
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
  read_tree(*tree, recipe, findings);
  if (!findings.empty()) return fail(findings.take());
  return recipe;
}

Result<Recipe> read_recipe(const std::string& path, std::span<const std::string> sets) {
  Result<std::string> text = read_file(path);
  if (!text.has_value()) return fail(std::move(text.error()));
  return read_recipe_text(*text, path, sets);
}

}  // namespace infbench::recipe
