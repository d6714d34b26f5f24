// --api-key, the same in every command that has it: see options.h.
#pragma once

#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace infbench::cli {

// From the command line, else from $SRTCTL_API_KEY, which nobody else can read.
CLI::Option* add_api_key(CLI::App& command, std::string& key, const std::string& what);

}  // namespace infbench::cli
