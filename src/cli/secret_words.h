// Words of the command line that are to be kept: keys, HTTP headers, secrets in --set. Pure but for hide_secrets(); one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace infbench::cli {

// By argument: from which byte on it is to be kept; npos: nothing of it is.
std::vector<std::size_t> secrets_in(int argc, const char* const* argv);

// The command line as it goes into files.
std::string command_line_of(int argc, const char* const* argv);

// Overwrites them where they stand, which is what /proc and ps show of this process from then on.
void hide_secrets(int argc, char** argv);

}  // namespace infbench::cli
