// The options of a study, on a command of CLI11. Included by src/cli/options*.cc only.
#pragma once

#include <string>

#include "cli/study_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

// `compare`: also --grid.
void add_study(CLI::App& command, StudyOptions& options, bool compare);

// What one option's rule cannot say; empty: nothing is wrong.
std::string study_mistake(const StudyOptions& options, bool writes_files);

}  // namespace infbench::cli
