#include "cli/options_errors.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/result.h"

namespace infbench::cli {
namespace {

const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The words that nothing has taken. What follows an unknown option may be its value: that option is told, it is not.
std::string unexpected(const CLI::App& app) {
  const std::vector<std::string> names = flags_of(innermost(app));
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::string all;
  bool value_may_follow = false;
  for (const std::string& word : app.remaining(true)) {
    const bool flag = word.starts_with('-') && word.size() > 1;
    if (!flag && value_may_follow) continue;
    value_may_follow = flag;
    const std::string name = word.substr(0, word.find('='));
    const std::string hint = flag ? did_you_mean(name, known) : "";
    all += all.empty() ? "" : "\nsrtctl: ";
    all += flag ? fmt::format("there is no option {}{}{}", name, hint.empty() ? "" : ": ", hint)
                : fmt::format("'{}' is one word too many", word);
  }
  return all;
}

std::string commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return fmt::format("expected a command: {}", fmt::join(names, ", "));
}

// "--speed: At Most 1 required but received 2", "--speed: 1 required X missing"
std::string about_count(const std::string& what) {
  const std::string name = what.substr(0, what.find(':'));
  if (what.find("At Most 1 required") != std::string::npos) {
    return fmt::format("{} is given {} times, expected once", name, what.substr(what.rfind(' ') + 1));
  }
  if (what.ends_with("missing")) return fmt::format("{}: expected a value, found none", name);
  return what;
}

}  // namespace

std::string told(const CLI::ParseError& error, const CLI::App& app) {
  const std::string what = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return unexpected(app);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return about_count(what);
  if (what == "A subcommand is required") {
    const std::string words = unexpected(app);
    return words.empty() ? commands_of(innermost(app)) : words;
  }
  constexpr std::string_view kExcludes = " excludes ";
  if (const std::size_t at = what.find(kExcludes); dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) {
    return fmt::format("{} and {} exclude each other", what.substr(0, at), what.substr(at + kExcludes.size()));
  }
  return what;
}

}  // namespace infbench::cli
