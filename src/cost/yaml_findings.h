// Findings: the mistakes found in one YAML file of this room, with the lines they are in. A value, one owner.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace YAML {
struct Mark;
}

namespace infbench::cost {

class Findings {
 public:
  Findings(std::string path, const std::string& text);

  // Nowhere in the file when the mark is null.
  void add(const YAML::Mark& mark, std::string what, std::string hint = {});

  Errors take() { return std::move(errors_); }
  bool empty() const { return errors_.empty(); }

 private:
  std::string path_;
  std::vector<std::string> lines_;
  Errors errors_;
};

}  // namespace infbench::cost
