// The command line as data: what each command and each option is called and means. Help, man pages and completion are written
// from it, so none of them can know less than another. Values, any thread.
#pragma once

#include <string>
#include <vector>

namespace infbench::cli {

struct OptionDoc {
  std::vector<std::string> names;    // "-f", "--file"; of a positional one: its value's name
  std::string value;                 // what stands for the value, "FILE"; empty: a flag
  std::vector<std::string> choices;  // all values there are; empty: not a fixed list
  std::string fallback;              // the value when it is not given; empty: none, or not to be told
  std::string help;
  std::string group;  // heading that it stands under
  bool positional = false;
  bool required = false;
  bool repeatable = false;
};

struct CommandDoc {
  std::vector<std::string> path;  // {"srtctl", "trace", "analyze"}
  std::string about;              // one sentence
  std::string group;              // heading that it stands under in its parent's list
  std::vector<OptionDoc> options;
  std::vector<std::string> examples;  // command lines; a long one goes on after " \\\n"
  std::string notes;                  // lines laid out by hand
  std::vector<CommandDoc> commands;
};

// Everything that people may see: hidden options and commands are left out.
CommandDoc interface_doc();

}  // namespace infbench::cli
