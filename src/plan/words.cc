#include "plan/words.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

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

bool part_is_secret(std::string_view part) {
  constexpr std::array<std::string_view, 5> kEnds{"key", "token", "secret", "password", "passwd"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return part.ends_with(end); });
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

bool is_secret(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  std::string_view rest = lower;
  while (!rest.empty()) {
    const std::size_t end = rest.find('_');
    if (part_is_secret(rest.substr(0, end))) return true;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return false;
}

Environment without_secrets(Environment environment) {
  for (auto& [name, value] : environment) {
    if (is_secret(name)) value = kHidden;
  }
  return environment;
}

std::vector<std::string> without_secrets(std::vector<std::string> argv) {
  for (std::size_t i = 0; i < argv.size(); ++i) {
    std::string& word = argv[i];
    const std::size_t equals = word.find('=');
    if (word.starts_with("--") && equals != std::string::npos && is_secret(std::string_view(word).substr(0, equals))) {
      word.replace(equals + 1, std::string::npos, kHidden);
    } else if (i > 0 && argv[i - 1].starts_with("--") && is_secret(argv[i - 1]) && !word.starts_with("--")) {
      word = kHidden;
    }
  }
  return argv;
}

}  // namespace infbench::plan
