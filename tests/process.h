// Runs a program as a person would: arguments in, exit code and what it printed out. Standard input is empty. Waits for the
// end; ctest's time limit ends a test whose program hangs. Usable from any thread.
#pragma once

#include <string>
#include <vector>

namespace infbench::tests {

struct Finished {
  int exit_code = -1;  // 128 + N when signal N ended it
  std::string out;
  std::string err;
};

// `argv[0]` is the program's path; `environment` are NAME=VALUE that are added to (or replace) this process's own.
Finished run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment = {});

}  // namespace infbench::tests
