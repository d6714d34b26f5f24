#include "plan/words.h"

#include <algorithm>

#include <fmt/format.h>

#include "recipe/secrets.h"

namespace infbench::plan {
namespace {

// Words that a shell takes as they are.
bool is_bare(std::string_view word) {
  constexpr std::string_view kSafe = "%+,-./:=@_";
  const auto safe = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSafe.find(c) != std::string_view::npos;
  };
  return !word.empty() && std::ranges::all_of(word, safe);
}

}  // namespace

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

std::string templated(std::string value, const Node& node, int node_id) {
  replace_all(value, "{node_id}", std::to_string(node_id));
  replace_all(value, "{node}", node.name);
  return value;
}

void set_variable(Environment& environment, const std::string& name, std::string value) {
  const auto found = std::ranges::find(environment, name, &Environment::value_type::first);
  if (found != environment.end()) {
    found->second = std::move(value);
  } else {
    environment.emplace_back(name, std::move(value));
  }
}

std::string shell_quote(const std::string& word) {
  if (is_bare(word)) return word;
  std::string inner = word;
  replace_all(inner, "'", "'\\''");
  return "'" + inner + "'";
}

std::string shell_line(const Environment& environment, std::span<const std::string> argv) {
  std::string line;
  for (const auto& [name, value] : environment) line += fmt::format("{}={} ", name, value.empty() ? "" : shell_quote(value));
  for (const std::string& word : argv) line += shell_quote(word) + " ";
  if (!line.empty()) line.pop_back();
  return line;
}

Environment without_secrets(Environment environment) {
  for (auto& [name, value] : environment) {
    if (recipe::is_secret(name)) value = recipe::kHidden;
  }
  return environment;
}

std::vector<std::string> without_secrets(std::vector<std::string> argv) {
  for (std::size_t i = 0; i < argv.size(); ++i) {
    std::string& word = argv[i];
    const std::size_t equals = word.find('=');
    if (recipe::has_credentials(word)) {
      word = recipe::kHidden;
    } else if (word.starts_with("--") && equals != std::string::npos &&
               recipe::is_secret(std::string_view(word).substr(0, equals))) {
      word.replace(equals + 1, std::string::npos, recipe::kHidden);
    } else if (i > 0 && argv[i - 1].starts_with("--") && recipe::is_secret(argv[i - 1]) && !word.starts_with("--")) {
      word = recipe::kHidden;
    }
  }
  return argv;
}

}  // namespace infbench::plan
