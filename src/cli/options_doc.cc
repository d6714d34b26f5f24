#include "cli/options_doc.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace infbench::cli {
namespace {

// "TEXT:{slurm,local}" -> slurm, local: how CLI11 writes IsMember into the name of the type.
std::vector<std::string> choices_in(std::string_view type) {
  std::vector<std::string> choices;
  const std::size_t open = type.find('{');
  const std::size_t close = type.rfind('}');
  if (open == std::string_view::npos || close == std::string_view::npos) return choices;
  type = type.substr(open + 1, close - open - 1);
  while (!type.empty()) {
    const std::size_t comma = std::min(type.find(','), type.size());
    choices.emplace_back(type.substr(0, comma));
    type.remove_prefix(std::min(comma + 1, type.size()));
  }
  return choices;
}

// What people are to write there. CLI11's own names of types say less than a letter.
std::string value_name(std::string_view type) {
  type = type.substr(0, type.find_first_of(":{"));
  if (type == "TEXT" || type.empty()) return "TEXT";
  if (type == "INT" || type == "UINT") return "N";
  if (type == "FLOAT") return "X";
  return std::string(type);
}

OptionDoc describe(const CLI::Option& option) {
  OptionDoc doc;
  for (const std::string& name : option.get_snames()) doc.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) doc.names.push_back("--" + name);
  doc.positional = doc.names.empty();
  const std::string type = option.get_type_name();
  const bool flag = option.get_items_expected_max() == 0;
  if (!flag) {
    doc.choices = choices_in(type);
    doc.value = value_name(type);
    if (!doc.choices.empty() && doc.value == "TEXT") {
      doc.value = fmt::format("{}", fmt::join(doc.choices, "|"));
    }
    doc.fallback = option.get_default_str();
  }
  if (doc.positional) doc.names.push_back(doc.value);
  doc.help = option.get_description();
  if (constexpr std::size_t kLongest = 50; doc.value.size() > kLongest && !doc.choices.empty()) {
    doc.value = "NAME";
    doc.help += fmt::format(": {}", fmt::join(doc.choices, ", "));
  }
  doc.group = option.get_group();
  doc.required = option.get_required();
  doc.repeatable = !flag && option.get_items_expected_max() > 1;
  return doc;
}

void take_footer(std::string_view footer, CommandDoc& doc) {
  bool examples = false;
  while (!footer.empty()) {
    const std::size_t end = std::min(footer.find('\n'), footer.size());
    std::string_view line = footer.substr(0, end);
    footer.remove_prefix(std::min(end + 1, footer.size()));
    if (line.starts_with("Example")) {
      examples = true;
      line.remove_prefix(std::min(line.find(':') + 1, line.size()));
    }
    if (!examples) {
      doc.notes.append(line).append("\n");
      continue;
    }
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) continue;
    const bool goes_on = !doc.examples.empty() && doc.examples.back().ends_with('\\');
    if (goes_on) {
      doc.examples.back().append("\n    ").append(line);
    } else {
      doc.examples.emplace_back(line);
    }
  }
}

void describe_into(const CLI::App& app, CommandDoc& doc) {
  doc.path.push_back(app.get_name());
  doc.about = app.get_description();
  doc.group = app.get_group();
  take_footer(app.get_footer(), doc);
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) doc.options.push_back(describe(*option));
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    CommandDoc below;
    below.path = doc.path;
    describe_into(*command, below);
    doc.commands.push_back(std::move(below));
  }
}

}  // namespace

CommandDoc describe(const CLI::App& app) {
  CommandDoc doc;
  describe_into(app, doc);
  return doc;
}

}  // namespace infbench::cli
