// What --help prints: see help_pages.h.
#include <algorithm>

#include <fmt/format.h>

#include "cli/help_pages.h"
#include "report/text.h"

namespace infbench::cli {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kTextAt = 30;  // where explanations begin

std::string joined(const std::vector<std::string>& words, const char* between) {
  return fmt::format("{}", fmt::join(words, between));
}

// A name and its explanation, on one line if the name is short enough.
std::string entry(const std::string& name, const std::string& text) {
  std::string out = "  " + name;
  if (text.empty()) return out + "\n";
  if (out.size() + 2 > kTextAt) out += "\n";
  out.append(kTextAt - (out.ends_with('\n') ? 0 : out.size()), ' ');
  std::string lines = report::wrap(text, kColumns - kTextAt, 0);
  for (std::size_t at = lines.find('\n'); at + 1 < lines.size(); at = lines.find('\n', at + 1)) {
    lines.insert(at + 1, kTextAt, ' ');
  }
  return out + lines;
}

std::string explained(const OptionDoc& option) {
  std::string text = option.help;
  std::vector<std::string> marks;
  if (option.required) marks.emplace_back("required");
  if (option.repeatable) marks.emplace_back("may be repeated");
  if (!option.fallback.empty()) marks.push_back("default: " + option.fallback);
  if (!marks.empty()) text += " (" + joined(marks, "; ") + ")";
  return text;
}

std::string name_and_value(const OptionDoc& option) {
  std::string name = joined(option.names, ", ");
  if (!option.positional && !option.value.empty()) name += " " + option.value;
  return name;
}

std::string usage(const CommandDoc& command) {
  std::string out = "Usage: " + joined(command.path, " ");
  for (const OptionDoc& option : command.options) {
    if (option.required && !option.positional) out += " " + option.names.front() + " " + option.value;
  }
  const bool optional = std::any_of(command.options.begin(), command.options.end(),
                                    [](const OptionDoc& option) { return !option.required && !option.positional; });
  if (optional) out += " [OPTIONS]";
  for (const OptionDoc& option : command.options) {
    if (option.positional) out += option.required ? " " + option.value : " [" + option.value + "]";
  }
  return out + (command.commands.empty() ? "" : " COMMAND") + "\n";
}

// The headings of `items` in order of first appearance, each with what stands under it.
template <class Item, class Line>
std::string under_headings(const std::vector<Item>& items, Line line) {
  std::vector<std::string> heads;
  for (const Item& item : items) {
    if (std::find(heads.begin(), heads.end(), item.group) == heads.end()) heads.push_back(item.group);
  }
  // What has no heading of its own comes last: --help.
  std::stable_partition(heads.begin(), heads.end(), [](const std::string& head) { return head != "Options"; });
  std::string out;
  for (const std::string& head : heads) {
    out += "\n" + head + ":\n";
    for (const Item& item : items) {
      if (item.group == head) out += line(item);
    }
  }
  return out;
}

// A long command line goes on below, before an option.
std::string broken(std::string example) {
  constexpr std::size_t kRoom = kColumns - 4;  // beside the indent and the backslash
  for (std::size_t start = 0; example.size() - start > kRoom && example.find('\n', start) == std::string::npos;) {
    const std::size_t at = example.rfind(" -", start + kRoom);
    if (at == std::string::npos || at <= start + 6) break;
    example.replace(at, 1, " \\\n    ");
    start = at + 3;
  }
  return example;
}

}  // namespace

std::string help_text(const CommandDoc& command) {
  std::string out = report::wrap(command.about, kColumns, 0) + "\n" + usage(command);
  out += under_headings(command.commands, [](const CommandDoc& c) { return entry(c.path.back(), c.about); });
  out += under_headings(command.options, [](const OptionDoc& o) { return entry(name_and_value(o), explained(o)); });
  if (!command.notes.empty()) out += "\n" + command.notes;
  if (!command.examples.empty()) out += "\nExamples:\n";
  for (const std::string& example : command.examples) out += "  " + broken(example) + "\n";
  return out;
}

}  // namespace infbench::cli
