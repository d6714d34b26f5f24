// The script for bash: see help_pages.h.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "cli/help_pages.h"

namespace infbench::cli {
namespace {

// What may be typed where a value is expected, as arguments of compgen; empty: nothing can be proposed.
std::string values_of(const OptionDoc& option) {
  std::string words;
  for (const std::string& choice : option.choices) words += (words.empty() ? "" : " ") + choice;
  if (!words.empty()) return "-W '" + words + "'";
  if (option.value.starts_with("FILE") || option.value.starts_with("RECIPE")) return "-f";
  return option.value.starts_with("DIR") ? "-d" : "";
}

// The words after the program's name: "trace analyze".
std::string words_of(const CommandDoc& command) {
  std::string out;
  for (std::size_t i = 1; i < command.path.size(); ++i) out += (i > 1 ? " " : "") + command.path[i];
  return out;
}

void add_steps(const CommandDoc& command, std::string& out) {
  for (const CommandDoc& below : command.commands) {
    out += "      '" + words_of(command) + "|" + below.path.back() + "') command='" + words_of(below) + "' ;;\n";
    add_steps(below, out);
  }
}

// Cases for what stands after an option that takes a value. In bash a list of patterns is read left to right.
void add_values(const CommandDoc& command, std::string& out) {
  for (const OptionDoc& option : command.options) {
    if (option.positional || option.value.empty()) continue;
    out += "    ";
    for (std::size_t i = 0; i < option.names.size(); ++i) {
      out += (i == 0 ? "'" : " | '") + words_of(command) + "|" + option.names[i] + "'";
    }
    out += ") values=\"" + values_of(option) + "\" ;;\n";
  }
  for (const CommandDoc& below : command.commands) add_values(below, out);
}

void add_words(const CommandDoc& command, std::string& out) {
  std::vector<std::string> words;
  std::vector<std::string> options;
  std::string files;
  for (const CommandDoc& below : command.commands) words.push_back(below.path.back());
  for (const OptionDoc& option : command.options) {
    if (!option.positional) {
      options.insert(options.end(), option.names.begin(), option.names.end());
    } else if (option.choices.empty()) {
      files = values_of(option);
    } else {
      words.insert(words.end(), option.choices.begin(), option.choices.end());
    }
  }
  out += fmt::format("    '{}') words='{}' options='{}' values='{}' ;;\n", words_of(command), fmt::join(words, " "),
                     fmt::join(options, " "), files);
  for (const CommandDoc& below : command.commands) add_words(below, out);
}

}  // namespace

std::string bash_completion(const CommandDoc& program) {
  const std::string name = program.path.front();
  std::string out = "# bash completion for " + name + ", written by `" + name + " completion bash`\n_" + name + "() {\n";
  out +=
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  local command='' word words='' options='' values=none\n"
      "  COMPREPLY=()\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$command|$word\" in\n";
  add_steps(program, out);
  out += "    esac\n  done\n  case \"$command|$previous\" in\n";
  add_values(program, out);
  out +=
      "  esac\n"
      "  if [[ $values == none ]]; then\n"
      "    case \"$command\" in\n";
  add_words(program, out);
  out +=
      "    esac\n"
      "    [[ $current == -* ]] && words=$options values=''\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  fi\n"
      "  if [[ $values == '-W '* ]]; then\n"
      "    values=${values#-W }\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"${values//\\'/}\" -- \"$current\")\n"
      "  elif [[ -n $values ]]; then\n"
      "    mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen \"$values\" -- \"$current\")\n"
      "    compopt -o filenames 2>/dev/null\n"
      "  fi\n"
      "}\n"
      "complete -F _" +
      name + " " + name + "\n";
  return out;
}

}  // namespace infbench::cli
