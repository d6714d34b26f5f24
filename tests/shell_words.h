// The words of a command line as a shell would see them: quotes taken off, up to a comment, a pipe, a redirection or '&'. No
// variables, no patterns. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace infbench::tests {

std::vector<std::string> shell_words(std::string_view line);

}  // namespace infbench::tests
