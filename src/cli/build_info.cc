#include "cli/build_info.h"

#include <fmt/format.h>

namespace infbench::cli {

std::string version_text(bool verbose) {
  std::string out = fmt::format("srtctl {} (commit {}, {})\n", version(), commit(), build_type());
  return verbose ? out + std::string(libraries()) : out;
}

}  // namespace infbench::cli
