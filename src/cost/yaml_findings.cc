#include "cost/yaml_findings.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

namespace infbench::cost {

Findings::Findings(std::string path, const std::string& text) : path_(std::move(path)) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines_.push_back(std::move(line));
}

void Findings::add(const YAML::Mark& mark, std::string what, std::string hint) {
  Error error{.what = std::move(what), .hint = std::move(hint), .file = path_, .source_line = {}};
  if (!mark.is_null()) {
    error.line = mark.line + 1;
    error.column = mark.column + 1;
    if (static_cast<std::size_t>(mark.line) < lines_.size()) {
      error.source_line = lines_[static_cast<std::size_t>(mark.line)];
      // A quote that nothing closes can be said to end one beyond the text.
      error.column = std::min(error.column, static_cast<int>(error.source_line.size()) + 1);
    }
  }
  errors_.push_back(std::move(error));
}

}  // namespace infbench::cost
