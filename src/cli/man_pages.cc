// Man pages: see help_pages.h.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "cli/help_pages.h"

namespace infbench::cli {
namespace {

// Text as roff takes it: hyphens that can be copied, no escapes, no line that looks like a request.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else {
      out += c == '-' ? std::string("\\-") : std::string(1, c);
    }
  }
  return out;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  return fmt::format("{}", fmt::join(words, between));
}

std::string page_name(const CommandDoc& command) { return joined(command.path, "-"); }

std::string literal(const std::string& text) { return ".PP\n.nf\n" + roff(text) + "\n.fi\n"; }

std::string option_entry(const OptionDoc& option) {
  std::string out = ".TP\n";
  for (std::size_t i = 0; i < option.names.size(); ++i) {
    out += (i == 0 ? "\\fB" : ", \\fB") + roff(option.names[i]) + "\\fR";
  }
  if (!option.positional && !option.value.empty()) out += " \\fI" + roff(option.value) + "\\fR";
  out += "\n" + roff(option.help) + (option.help.empty() ? "" : ".\n");
  if (option.required) out += "Required.\n";
  if (option.repeatable) out += "May be repeated.\n";
  if (!option.fallback.empty()) out += "Default: " + roff(option.fallback) + ".\n";
  return out;
}

std::string synopsis(const CommandDoc& command) {
  std::string out = ".SH SYNOPSIS\n\\fB" + roff(joined(command.path, " ")) + "\\fR";
  for (const OptionDoc& option : command.options) {
    if (option.required && !option.positional)
      out += " \\fB" + roff(option.names.front()) + "\\fR \\fI" + roff(option.value) + "\\fR";
  }
  out += " [\\fIOPTIONS\\fR]";
  for (const OptionDoc& option : command.options) {
    if (option.positional)
      out +=
          " " + std::string(option.required ? "" : "[") + "\\fI" + roff(option.value) + "\\fR" + (option.required ? "" : "]");
  }
  return out + (command.commands.empty() ? "" : " \\fICOMMAND\\fR") + "\n";
}

std::string options(const CommandDoc& command) {
  std::vector<std::string> groups;
  for (const OptionDoc& option : command.options) {
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  }
  std::stable_partition(groups.begin(), groups.end(), [](const std::string& group) { return group != "Options"; });
  std::string out = ".SH OPTIONS\n";
  for (const std::string& group : groups) {
    if (groups.size() > 1) out += ".SS " + roff(group) + "\n";
    for (const OptionDoc& option : command.options) {
      if (option.group == group) out += option_entry(option);
    }
  }
  return out;
}

std::string see_also(const CommandDoc& program, const CommandDoc& command) {
  std::vector<std::string> names;
  if (command.path.size() > 1) names.push_back(page_name(program));
  for (const CommandDoc& below : command.path.size() > 1 ? command.commands : program.commands)
    names.push_back(page_name(below));
  std::string out = ".SH SEE ALSO\n";
  for (std::size_t i = 0; i < names.size(); ++i)
    out += ".BR " + roff(names[i]) + " (1)" + (i + 1 < names.size() ? " ,\n" : "\n");
  return out;
}

std::string page(const CommandDoc& program, const CommandDoc& command, const std::string& version) {
  std::string upper = page_name(command);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  const std::string first = command.about.substr(0, command.about.find('\n'));
  std::string out =
      ".\\\" Written by srtctl man\n.TH " + roff(upper) + " 1 \"\" \"srtctl " + roff(version) + "\" \"infbench\"\n";
  out += ".SH NAME\n" + roff(page_name(command)) + " \\- " + roff(first) + "\n" + synopsis(command);
  out += ".SH DESCRIPTION\n" + roff(command.about) + "\n";
  if (!command.notes.empty()) out += literal(command.notes.substr(0, command.notes.size() - 1));
  if (!command.commands.empty()) out += ".SH COMMANDS\n";
  for (const CommandDoc& below : command.commands) {
    out += ".TP\n\\fB" + roff(below.path.back()) + "\\fR\n" + roff(below.about) + "\n";
  }
  out += options(command);
  if (!command.examples.empty()) out += ".SH EXAMPLES\n";
  for (const std::string& example : command.examples) out += literal(example);
  return out + see_also(program, command);
}

void add_pages(const CommandDoc& program, const CommandDoc& command, const std::string& version, std::vector<ManPage>& pages) {
  pages.push_back({.file = page_name(command) + ".1", .text = page(program, command, version)});
  for (const CommandDoc& below : command.commands) add_pages(program, below, version, pages);
}

}  // namespace

std::vector<ManPage> man_pages(const CommandDoc& program, const std::string& version) {
  std::vector<ManPage> pages;
  add_pages(program, program, version, pages);
  return pages;
}

}  // namespace infbench::cli
