// run_tool(): starts another program, waits for its end, and takes what it printed. No shell: each word arrives as it is.
//
// For short programs (sbatch, scontrol): the calling thread waits. The child stays in our process group, so that Ctrl-C reaches
// it too. Usable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace infbench::launch {

struct ToolOutput {
  int exit_code = 0;  // 128 + N when signal N ended it
  std::string out;
  std::string err;
};

struct ToolOptions {
  std::string_view input{};      // its standard input
  Duration limit = seconds(60);  // after that it is killed
};

// `argv[0]` is looked for in $PATH. Errors: it cannot be started; it took longer than the limit. An exit code other than 0 is
// not an error here.
Result<ToolOutput> run_tool(const std::vector<std::string>& argv, const ToolOptions& options = {});

// The program is in $PATH.
bool has_tool(const std::string& name);

}  // namespace infbench::launch
