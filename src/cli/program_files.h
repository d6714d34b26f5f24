// Where the program's own data files are. One thread.
#pragma once

#include <string>

#include "base/result.h"

namespace infbench::cli {

// The folder with step_times/: $SRTCTL_DATA_DIR if set, else beside the program's place: ../share/srtctl/data (installed),
// ../../data (a build in its checkout). Error: none of them is there; it says where was looked.
Result<std::string> data_dir();

}  // namespace infbench::cli
