// Help, man pages and bash completion, all written from one description of the command line. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/command_doc.h"

namespace infbench::cli {

// What --help prints: at most 100 columns, options under their headings, examples at the end.
std::string help_text(const CommandDoc& command);

struct ManPage {
  std::string file;  // "srtctl-trace-analyze.1"
  std::string text;  // roff, macros of man(7)
};

// One page for the program and one for each of its commands. `version` goes into the footers; there is no date, so that equal
// sources give equal pages.
std::vector<ManPage> man_pages(const CommandDoc& program, const std::string& version);

// A script for bash to source: commands, options, values where they are a fixed list, files and folders.
std::string bash_completion(const CommandDoc& program);

}  // namespace infbench::cli
