// From CLI11's objects to values, for options.cc only. One thread.
#pragma once

#include "cli/command_doc.h"

namespace CLI {
class App;
}

namespace infbench::cli {

// `app` and all commands below it. A footer is notes, then, after a line that begins with "Example", command lines.
CommandDoc describe(const CLI::App& app);

}  // namespace infbench::cli
