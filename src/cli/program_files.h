// Where the program's own data files are. One thread.
#pragma once

#include <string>

#include "base/result.h"

namespace infbench::cli {

// This program's own file, absolute: what is started again, here or on another node.
std::string own_program();

// The folder with step_times/: $SRTCTL_DATA_DIR if set, else beside the program's place: ../share/infbench/data (installed),
// ../../data (a build in its checkout). Error: none of them is there; it says where was looked.
Result<std::string> data_dir();

}  // namespace infbench::cli
