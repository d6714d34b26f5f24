// What CLI11 says of a command line that cannot be read, in our words: which option, what was expected, what may have been
// meant. Pure.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace infbench::cli {

// `app` is the root that threw, with what it had taken by then. Several mistakes stand below each other.
std::string told(const CLI::ParseError& error, const CLI::App& app);

}  // namespace infbench::cli
